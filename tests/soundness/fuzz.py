"""Coverage-guided fuzzing of one reader by atheris (libFuzzer): fuzz.py TARGET FOLDER [options of libFuzzer].

FOLDER holds the corpus, which grows; what breaks the reader is written beside it. Run it by scripts/fuzz, which has an
environment with atheris.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

with atheris.instrument_imports(include=["dls_zk", "yaml"], enable_loader_override=False):
    from tests.soundness.fuzz_targets import TARGETS
    from tests.support.corruptions import TOKENS


def main(name: str, corpus: Path, options: list[str]) -> None:
    target = TARGETS[name]
    corpus.mkdir(parents=True, exist_ok=True)
    for k, seed in enumerate(target.seeds):
        (corpus / f"seed-{k}").write_bytes(seed)
    dictionary = corpus.parent / f"{name}.dict"
    dictionary.write_text("".join(f'"{_escaped(token[:60])}"\n' for token in TOKENS))
    with tempfile.TemporaryDirectory(prefix="dls-zk-fuzz-") as folder:

        def one_input(data: bytes) -> None:
            target.outcome(data, Path(folder))

        atheris.Setup([sys.argv[0], f"-dict={dictionary}", f"-artifact_prefix={corpus}-", *options, str(corpus)], one_input)
        atheris.Fuzz()


def _escaped(token: bytes) -> str:
    return "".join(rf"\x{byte:02x}" for byte in token)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
