import json
from pathlib import Path

import pytest

from dls_zk.statement.constants import FIELD
from dls_zk.statement.poseidon import poseidon

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "poseidon.json").read_text())["vectors"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{len(v['inputs'])} inputs")
def test_digest_equals_circomlibjs(vector):
    assert poseidon([int(x) for x in vector["inputs"]]) == int(vector["digest"])


@pytest.mark.parametrize("inputs", [[], [0] * 17, [FIELD], [-1], [1, FIELD + 1]])
def test_refuses_what_is_no_input(inputs):
    with pytest.raises(ValueError):
        poseidon(inputs)
