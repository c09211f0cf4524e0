"""The container that iden3's tools put r1cs, zkey and ptau files into, read with every bound checked.

    magic (4 bytes), version (u32), number of sections (u32), then each section: id (u32), size (u64), content

All numbers are little-endian. A file that is cut short, damaged or of another kind gives one ``ArtifactError``.
"""

from __future__ import annotations

import stat
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import ArtifactError

_MAX_SECTIONS = 64  # ptau files have 15, zkeys 10


@dataclass(frozen=True)
class BinFile:
    """The table of sections of one file: id → (offset, size), all within the file."""

    path: Path
    sections: Mapping[int, tuple[int, int]]

    @classmethod
    def open(cls, path: Path, magic: str) -> BinFile:
        """Read the table of a file of kind ``magic`` (``zkey``, ``r1cs``, ``ptau``), version 1. ArtifactError."""
        try:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                raise ArtifactError(f"{path} is not a regular file")
            with open(path, "rb") as file:
                start = file.read(12)
                if len(start) < 12 or start[:4] != magic.encode():
                    raise ArtifactError(f"{path} is not a {magic} file")
                version, count = struct.unpack("<II", start[4:])
                if version != 1 or count > _MAX_SECTIONS:
                    raise ArtifactError(f"{path} is a {magic} file of an unknown version")
                sections: dict[int, tuple[int, int]] = {}
                position = 12
                for _ in range(count):
                    file.seek(position)
                    entry = file.read(12)
                    if len(entry) < 12:
                        raise ArtifactError(f"{path} is cut short; make or fetch it again")
                    number, size = struct.unpack("<IQ", entry)
                    if number in sections:
                        raise ArtifactError(f"{path} is damaged (section {number} is there twice)")
                    sections[number] = (position + 12, size)
                    position += 12 + size
                    if position > status.st_size:
                        raise ArtifactError(f"{path} is cut short; make or fetch it again")
        except (OSError, ValueError) as error:  # ValueError: a name that no file can have
            raise ArtifactError(f"{path} cannot be read ({getattr(error, 'strerror', error)})") from None
        if position != status.st_size:
            raise ArtifactError(f"{path} is damaged (bytes after its last section)")
        return cls(path, sections)

    def size(self, section: int) -> int:
        """Size of a section in bytes; ArtifactError if there is none."""
        if section not in self.sections:
            raise ArtifactError(f"{self.path} is damaged (section {section} is missing)")
        return self.sections[section][1]

    def read(self, section: int) -> Cursor:
        """A whole section, which is never more than the file holds."""
        size = self.size(section)
        try:
            with open(self.path, "rb") as file:
                file.seek(self.sections[section][0])
                data = file.read(size)
        except OSError as error:
            raise ArtifactError(f"{self.path} cannot be read ({error.strerror})") from None
        return Cursor(data, f"{self.path} is damaged (section {section})")


class Cursor:
    """Bytes that are read from front to back; a read past the end gives an ArtifactError that begins with ``fault``."""

    def __init__(self, data: bytes, fault: str):
        self.data = data
        self.position = 0
        self.fault = fault

    def take(self, size: int) -> bytes:
        """The next ``size`` bytes."""
        end = self.position + size
        if end > len(self.data):
            raise ArtifactError(f"{self.fault}: it ends too early")
        taken = self.data[self.position : end]
        self.position = end
        return taken

    def uint(self, size: int) -> int:
        """An unsigned integer of ``size`` bytes."""
        return int.from_bytes(self.take(size), "little")

    def end(self) -> None:
        """ArtifactError unless all has been read."""
        if self.position != len(self.data):
            raise ArtifactError(f"{self.fault}: it has more bytes than it should")
