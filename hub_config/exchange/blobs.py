# SPDX-License-Identifier: BSD-3-Clause
"""Bytes by their sha256: in a folder, or anywhere fsspec reaches."""

import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from .receipts import sync_folder

_NAME = re.compile(r"[0-9a-f]{64}\Z")
ORPHAN_AGE_SECONDS = 3600


class Blobs(Protocol):
    """What the exchange asks of a place for bytes."""

    def keep(self, temporary: Path, sha256: str) -> None:
        """Takes the file over; when this returns, the bytes survive a power cut under their hash."""

    def open(self, sha256: str) -> BinaryIO:
        """Reads a blob. FileNotFoundError when there is none."""

    def names(self) -> Iterator[tuple[str, float]]:
        """Every blob's hash, and how many seconds ago it was last kept."""

    def remove(self, sha256: str) -> None:
        """Deletes a blob that nothing refers to."""


@dataclass(frozen=True)
class FolderBlobs:
    """``ROOT/ab/ab12…``; must be on the file system of the temporary files."""

    root: Path

    def path(self, sha256: str) -> Path:
        """Where a blob lies."""
        return self.root / sha256[:2] / sha256

    def keep(self, temporary: Path, sha256: str) -> None:
        """Renames the file into place, even over the same bytes: its new date keeps it from collection."""
        target = self.path(sha256)
        if not target.parent.is_dir():
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            sync_folder(self.root)
        temporary.replace(target)
        sync_folder(target.parent)

    def open(self, sha256: str) -> BinaryIO:
        """Reads a blob."""
        return self.path(sha256).open("rb")

    def names(self) -> Iterator[tuple[str, float]]:
        """Every blob's hash and age in seconds."""
        now = time.time()
        for path in self.root.glob("[0-9a-f][0-9a-f]/*"):
            if _NAME.match(path.name):
                yield path.name, now - path.stat().st_mtime

    def remove(self, sha256: str) -> None:
        """Deletes a blob."""
        self.path(sha256).unlink(missing_ok=True)


@dataclass(frozen=True)
class RemoteBlobs:
    """Blobs below an fsspec address (s3://bucket/prefix, …). Put under another name first, then moved."""

    filesystem: Any
    root: str

    def path(self, sha256: str) -> str:
        """Where a blob lies."""
        return f"{self.root}/{sha256[:2]}/{sha256}"

    def keep(self, temporary: Path, sha256: str) -> None:
        """Uploads the file unless the store has it at its full size, then removes the local one."""
        target = self.path(sha256)
        size = temporary.stat().st_size
        if not (self.filesystem.exists(target) and self.filesystem.size(target) == size):
            part = f"{target}.{secrets.token_hex(4)}.part"
            self.filesystem.makedirs(target.rsplit("/", 1)[0], exist_ok=True)
            self.filesystem.put_file(str(temporary), part)
            self.filesystem.mv(part, target)
        temporary.unlink(missing_ok=True)

    def open(self, sha256: str) -> BinaryIO:
        """Reads a blob."""
        file: BinaryIO = self.filesystem.open(self.path(sha256), "rb")
        return file

    def names(self) -> Iterator[tuple[str, float]]:
        """Every blob's hash; the age is 0, for not every store knows it, so nothing is collected."""
        for path in self.filesystem.find(self.root):
            name = path.rsplit("/", 1)[-1]
            if _NAME.match(name):
                yield name, 0.0

    def remove(self, sha256: str) -> None:
        """Deletes a blob."""
        self.filesystem.rm_file(self.path(sha256))


def open_blobs(folder: Path, url: str | None) -> Blobs:
    """The place for blobs: below the exchange's folder, or at an fsspec address."""
    if url:
        # Only sites that ask for it need fsspec.
        import fsspec

        filesystem, root = fsspec.core.url_to_fs(url)
        return RemoteBlobs(filesystem, root.rstrip("/"))
    root_folder = folder / "blobs"
    root_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return FolderBlobs(root_folder)


def collect_garbage(blobs: Blobs, temporary: Path, wanted: set[str]) -> tuple[int, int]:
    """Removes blobs that no row refers to and unfinished files, both only when over an hour old.

    Returns how many blobs and how many unfinished files went.
    """
    orphans = [name for name, age in blobs.names() if age > ORPHAN_AGE_SECONDS and name not in wanted]
    for name in orphans:
        blobs.remove(name)
    stale = 0
    for path in temporary.iterdir():
        if time.time() - path.lstat().st_mtime > ORPHAN_AGE_SECONDS:
            shutil.rmtree(path) if path.is_dir() else os.unlink(path)  # noqa: PTH108
            stale += 1
    return len(orphans), stale
