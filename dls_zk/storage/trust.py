"""Whose files run or are believed: those that nobody but this user and root can change.

Root trusts itself alone: what another user owns would run as root. A group may write if it is the user's own (of the same
name, without other members), as many systems make one. Access lists are not looked at.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from functools import cache
from pathlib import Path

from ..errors import InputError


def require_trusted(path: Path, advice: str) -> None:
    """Return if nobody else can change a file or folder, or if there is none. InputError with ``advice``, the next step."""
    try:
        status = path.stat()
    except OSError:  # whoever makes or reads something there says what is wrong
        return
    if problem := _problem(status, path):
        raise _untrusted(problem, path, advice)


def require_trusted_place(path: Path, advice: str) -> None:
    """As ``require_trusted``, and nobody else can put another in its place: each folder above it belongs to this user or
    root too, and others can write to it only as to /tmp, where the sticky bit keeps them from moving what is not theirs.

    path: absolute, without symbolic links, which could be changed afterwards.
    """
    require_trusted(path, advice)
    for parent in path.parents:
        try:
            status = parent.stat()
        except OSError:
            continue
        if problem := _replaceable(status):
            raise _untrusted(f"{parent} {problem}, who can replace what is in it", path, advice)


def _replaceable(status: os.stat_result) -> str:
    """Who else can move what is in a folder; "" if nobody can."""
    if status.st_uid not in (0, os.geteuid()):
        return "belongs to another user"  # whom no sticky bit binds
    if status.st_mode & stat.S_ISVTX:
        return ""
    if status.st_mode & stat.S_IWOTH:
        return "can be written to by everybody"
    if status.st_mode & stat.S_IWGRP and not _is_own_group(status.st_gid, status.st_uid):
        return "can be written to by its group"
    return ""


def require_trusted_tree(folder: Path, advice: str) -> None:
    """As ``require_trusted``, for all in a folder too, unless others cannot enter it anyway. Looked at once a process."""
    require_trusted(folder, advice)
    if folder.stat().st_mode & (stat.S_IXGRP | stat.S_IXOTH):
        _walk(folder, advice)


@cache
def _walk(folder: Path, advice: str) -> None:
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(parent, name)
            status = path.lstat()
            if not stat.S_ISLNK(status.st_mode) and (problem := _problem(status, path)):
                raise _untrusted(problem, path, advice)


def _problem(status: os.stat_result, path: Path) -> str:
    """How another user can change what is at a path; "" if none can."""
    if status.st_uid not in (0, os.geteuid()):
        return "belongs to another user, who can change what runs or is believed here"
    if status.st_mode & stat.S_IWOTH:
        return f"everybody can change what runs or is believed here; run `chmod -R go-w {path}`"
    if status.st_mode & stat.S_IWGRP and not _is_own_group(status.st_gid, status.st_uid):
        return f"its group can change what runs or is believed here; run `chmod -R go-w {path}`"
    return ""


@cache
def _is_own_group(group_id: int, user_id: int) -> bool:
    try:
        group, user = grp.getgrgid(group_id), pwd.getpwuid(user_id)
    except KeyError:
        return False
    return group.gr_name == user.pw_name and group_id == user.pw_gid and set(group.gr_mem) <= {user.pw_name}


def _untrusted(problem: str, path: Path, advice: str) -> InputError:
    return InputError(f"{problem}; {advice}", str(path), code="folder_untrusted")
