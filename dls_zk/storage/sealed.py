"""Files that only named people can open: encrypted to age recipients (age-encryption.org/v1, X25519), by pyrage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import InputError
from .disk import exposure, read_limited

_IDENTITY_BYTES = 1 << 16


def is_recipient(text: str) -> bool:
    """Whether a text is a recipient's public key (age1…)."""
    from pyrage import RecipientError, x25519

    try:
        x25519.Recipient.from_str(text)
    except RecipientError:
        return False
    return True


def seal(content: bytes, recipients: Sequence[str]) -> bytes:
    """``content``, for whoever has the identity of one of the recipients (age1…). ValueError if one of them is none."""
    import pyrage

    try:
        keys = [pyrage.x25519.Recipient.from_str(text) for text in recipients]
    except pyrage.RecipientError:
        raise ValueError("not an age recipient (age1…)") from None
    if not keys:
        raise ValueError("there is no recipient")
    return pyrage.encrypt(content, keys)


def unseal(sealed: bytes, identity_file: Path, where: str) -> bytes:
    """The content of what was sealed to an identity of the file, as ``age-keygen`` writes it. where: for errors.

    InputError, without any content, also if the file is open to other users.
    """
    import pyrage

    if exposed := exposure(identity_file) if identity_file.exists() else "":
        raise InputError(exposed, str(identity_file))
    text = read_limited(identity_file, _IDENTITY_BYTES).decode("utf-8", errors="replace")
    lines = [line.strip() for line in text.splitlines()]
    try:
        identities = [pyrage.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except pyrage.IdentityError:
        identities = []
    if not identities:
        raise InputError("holds no age identities (AGE-SECRET-KEY-1…), one a line", str(identity_file))
    try:
        return pyrage.decrypt(sealed, identities)
    except pyrage.DecryptError:
        problem = f"no identity of {identity_file} opens it, or it is damaged"
    raise InputError(problem, where)
