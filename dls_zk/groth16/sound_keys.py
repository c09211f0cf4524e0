"""The verifying keys that ``key_lint`` has found no fault with on this machine.

Looking at a key takes a second, and keys are few. So a key that is sound is remembered, by the hash of its numbers and of
the code that looked at it, below ``places.home()``: there only this user and root can write, and whoever can write there
can change the native core too. A mark in the key itself or beside its file would be worth nothing.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from contextlib import suppress
from functools import cache
from pathlib import Path

from ..errors import InputError
from ..storage import disk, places
from .zkey import VerifyingKey


@cache
def require_sound_once(vk: VerifyingKey) -> None:
    """InsecureKey with what ``key_lint`` finds. A development key passes: ask ``zkey.is_development``."""
    digest = _digest(vk)
    with suppress(InputError):  # where others can write, no mark is believed
        mark = places.sound_key(digest)
        if mark.is_file() and disk.read_limited(mark, 1 << 10) == _content(digest):
            return
    from . import key_lint  # it brings py_ecc

    key_lint.require_sound(vk)
    with suppress(InputError):  # a full disk, or a home of another user: then the next process looks again
        mark = places.sound_key(digest)
        if places.home().is_dir():  # verifying alone makes none
            disk.make_dir(mark.parent)
            disk.write_atomic(mark, _content(digest), mode=0o600)


def _content(digest: str) -> bytes:
    return f"sound {digest}\n".encode()


def _digest(vk: VerifyingKey) -> str:
    """sha256 over the key's numbers, and over all that decides what is found wrong with them."""
    here = Path(__file__).parent
    parts = {
        "words": [*map(str, vk.words())],
        "n_public": vk.n_public,
        "code": [disk.sha256_file(here / name) for name in ("key_lint.py", "relations.py")],
        "py_ecc": importlib.metadata.version("py_ecc"),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
