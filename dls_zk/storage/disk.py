"""How files are read and written: whole or not at all, private where they are secret, never over another by accident."""

from __future__ import annotations

import codecs
import errno
import fcntl
import hashlib
import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import InputError


def write_atomic(path: Path, content: bytes | str, mode: int = 0o644) -> None:
    """Write a file so that ``path`` holds the old content or all of the new, never a part, and no other file remains.

    ``mode`` is the file's mode from the moment it exists (less the umask). The folder must exist. InputError if the file
    cannot be written, e.g. because the disk is full.
    """
    _write(path, content, mode, new=False)


def write_new(path: Path, content: bytes | str, mode: int = 0o644) -> None:
    """As ``write_atomic``, but InputError if there is such a file, even if it came into being a moment ago."""
    _write(path, content, mode, new=True)


def require_absent(path: Path) -> None:
    """InputError if there is such a file, or a link, whatever it leads to."""
    if os.path.lexists(path):
        raise _exists(path)


def _exists(path: Path) -> InputError:
    return InputError("exists, and is not overwritten; choose another name, or move it away", str(path), code="file_exists")


def write_secret(path: Path, content: bytes | str) -> None:
    """As ``write_new``, for the user alone (mode 0600); InputError too if the disk keeps no modes (see ``exposure``)."""
    _write(path, content, 0o600, new=True, secret=True)


#: What a file system says that has no hard links.
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


def publish_new(temporary: Path, path: Path) -> None:
    """Give a finished file the name ``path``; FileExistsError if there is one by now, which a rename would replace."""
    try:
        os.link(temporary, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        mode = temporary.stat().st_mode & 0o777
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with open(temporary, "rb") as source, open(descriptor, "wb") as target:
            try:
                shutil.copyfileobj(source, target)
                target.flush()
                os.fsync(target.fileno())
            except BaseException:
                path.unlink()
                raise
    os.unlink(temporary)


def _write(path: Path, content: bytes | str, mode: int, *, new: bool, secret: bool = False) -> None:
    publish = publish_new if new else os.replace
    data = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name[:64]}.{secrets.token_hex(8)}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with open(descriptor, "wb") as file:
                if secret:
                    _require_private(descriptor, path)  # before it holds a byte
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            publish(temporary, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
        try:
            _sync_folder(path.parent)
        except OSError:
            if new:  # it might not last, and who asked for it is told that it is not there
                os.unlink(path)
            raise
    except FileExistsError:
        raise _exists(path) from None
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", str(path), code="file_unusable") from None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some file systems cannot sync a folder; the file itself is safe
            raise
    finally:
        os.close(descriptor)


#: What the caller of a program has opened for it: ``<(command)`` in a shell, or a pipe.
_HANDED_OVER = re.compile(r"/dev/(stdin|fd/[0-9]+)|/proc/self/fd/[0-9]+")


def _open_regular(path: str, flags: int) -> int:
    """Open a regular file, or what has been handed over; OSError for all others, at which one could wait for ever."""
    _require_regular(os.stat(path).st_mode, path)  # to open a device may do something
    descriptor = os.open(path, flags | os.O_NONBLOCK)  # if a fifo has come in between, no wait for its other end
    try:
        _require_regular(os.fstat(descriptor).st_mode, path)
        os.set_blocking(descriptor, True)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _require_regular(mode: int, path: str) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode) and not _HANDED_OVER.fullmatch(path):
        raise OSError(errno.EINVAL, "a pipe, a socket or a device, not a regular file")


def read_limited(path: Path, limit: int) -> bytes:
    """The content of a regular file that a person named, at most ``limit`` bytes; InputError if it cannot be had.

    Of pipes only /dev/stdin and /dev/fd/N are read, as in ``--password-file <(command)``.
    """
    try:
        with open(path, "rb", opener=_open_regular) as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", str(path), code="file_unusable") from None
    if len(data) > limit:
        raise InputError(f"larger than {limit} bytes, which no such file is", str(path))
    return data


def read_text(path: Path, limit: int) -> str:
    """The UTF-8 text of a file, less the mark that editors on Windows put in front. InputError, never with the content."""
    data = read_limited(path, limit)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError("not UTF-8 text but UTF-16, which Windows calls Unicode; save it as UTF-8", str(path))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = error.start
    # Outside of the handler, so that no exception with the content hangs on this one.
    raise InputError(f"not UTF-8 text (byte {place}); save it as UTF-8", str(path))


#: Set to 1, lets secrets be written to, and read from, disks that keep no modes. For machines that nobody else uses.
MODELESS_VARIABLE = "DLS_ZK_ALLOW_MODELESS_DISK"


def exposure(path: Path) -> str:
    """How other users can get at a secret file, and what to do about it; "" if they cannot. OSError.

    Also "" for a file on a disk that keeps no modes, if the user has accepted such disks.
    """
    mode = path.stat().st_mode & 0o777
    if not mode & 0o077:
        return ""
    kept = _keeps_modes(path.parent)
    if kept is False:
        return "" if _accepts_modeless() else _modeless(path)
    advice = f"run `chmod 600 {path}`" if kept else "copy it to a folder of yours, at mode 600"
    return f"open to other users (mode {mode:04o}) and secret; {advice}"


def require_private_place(folder: Path) -> None:
    """Return if a folder, or the one in which it would be made, can hold secrets that must not be lost. InputError."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    if _keeps_modes(place) is False and not _accepts_modeless():
        raise InputError(_modeless(place), str(folder))
    mode = folder.stat().st_mode if folder.exists() else 0
    if mode & 0o002 and not mode & stat.S_ISVTX and _keeps_modes(place):
        raise InputError(f"anybody can delete or replace files in it; run `chmod o-w {folder}`", str(folder))


def _require_private(descriptor: int, path: Path) -> None:
    """Refuse a new file that was to be the user's alone, and that its disk made readable to others."""
    if os.fstat(descriptor).st_mode & 0o077 and not _accepts_modeless():
        raise InputError(_modeless(path), str(path))


def _accepts_modeless() -> bool:
    return os.environ.get(MODELESS_VARIABLE) == "1"


def _keeps_modes(folder: Path) -> bool | None:
    """Whether a file that is made here for the user alone is that; None if none can be made here."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:  # where it can be, one without a name
            return not os.fstat(file.fileno()).st_mode & 0o077
    except OSError:
        return None


def _modeless(path: Path) -> str:
    mount = path.absolute()
    while not mount.is_mount():
        mount = mount.parent
    return (
        f"the disk at {mount} keeps no file modes, so other users could read this secret; use a folder on another disk, "
        f"or set {MODELESS_VARIABLE}=1 if nobody else uses this machine"
    )


def sha256_file(path: Path) -> str:
    """Lower-case hex sha256 of a file's content."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def make_dir(folder: Path, advice: str = "") -> Path:
    """Create a folder of ours (private to the user) with its parents, and return it; InputError if it cannot be, with
    ``advice``, the next step."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        message = f"cannot be created: {error.strerror}{f'; {advice}' if advice else ''}"
        raise InputError(message, str(folder), code="file_unusable") from None
    return folder


@contextmanager
def locked(target: Path) -> Iterator[None]:
    """Hold the lock that belongs to ``target`` (a file beside it); other processes wait."""
    with open(target.parent / f".{target.name}.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # given back by the kernel, however this process ends
        yield
