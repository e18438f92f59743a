# SPDX-License-Identifier: BSD-3-Clause
"""Brings the courses' sources into the data folder, never over what an author changed on the hub.

Cases, file by file (``manifest``: what we wrote last time):

1. not there yet                               -> written
2. there, as we wrote it                       -> updated when the repository's changed
3. there, changed on the hub, repository same  -> left
4. there, changed on the hub and in the repository, differently -> left, reported as a conflict
5. gone from the repository, on the hub as we wrote it -> removed
"""

import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from labroom.hub_config.courses import Course, CoursesError, Season
from labroom.hub_config.data_folder import DataFolder

from .settings import write_private

_CONFIG = """\
# Written by `labroom hub` at each start; put your own settings into nbgrader_local.py beside this file.
from pathlib import Path

import labroom.autograder
from labroom.hub_config.exchange.nbgrader_exchange import use_exchange

c = get_config()  # noqa: F821
c.CourseDirectory.root = {root!r}
c.CourseDirectory.course_id = {course!r}
use_exchange(c)
labroom.autograder.use(c)
if (own := Path(__file__).with_name("nbgrader_local.py")).exists():
    exec(compile(own.read_text(encoding="utf-8"), str(own), "exec"))
"""
_SKIPPED = {"__pycache__", ".ipynb_checkpoints"}


@dataclass(frozen=True)
class Synced:
    """What happened to one course's sources: paths relative to its source folder."""

    course: str
    written: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()


def prepare_course_folders(season: Season, data: DataFolder) -> list[Synced]:
    """Make each course's nbgrader folder: sources in step with the repository, and its configuration."""
    return [prepare_course_folder(course, data) for course in season.courses]


def prepare_course_folder(course: Course, data: DataFolder) -> Synced:
    """Make one course's nbgrader folder."""
    root = data.course(course.id)
    root.mkdir(mode=0o700, exist_ok=True)
    root.chmod(0o700)
    for part in ("source", "release", "submitted", "autograded", "feedback"):
        if (root / part).is_symlink():
            raise CoursesError(
                f"{root / part} 是链接，可能指到课程之外，请删掉它。 "
                f"{root / part} is a link and may lead out of the course; remove it."
            )
        (root / part).mkdir(exist_ok=True)
    write_private(root / "nbgrader_config.py", _CONFIG.format(root=str(root), course=course.id))
    return sync_sources(course, root / "source", data.hub / f"source-{course.id}.json")


def sync_sources(course: Course, target: Path, manifest: Path) -> Synced:
    """Bring the sources over, by the cases above."""
    known: dict[str, str] = json.loads(manifest.read_text(encoding="utf-8")) if manifest.exists() else {}
    written, removed, conflicts = [], [], []
    ours = dict(_source_files(course.source / "source"))
    for name, path in ours.items():
        content = path.read_bytes()
        new, old = hashlib.sha256(content).hexdigest(), known.get(name)
        there = _digest(target, name)
        if there in (None, old) and there != new:
            _write(target, name, content)
            written.append(name)
        elif there not in (new, old) and old != new:
            conflicts.append(name)
            continue
        known[name] = new
    for name in [name for name in known if name not in ours]:
        if _digest(target, name) == known[name]:
            (target / name).unlink()
            removed.append(name)
        del known[name]
    write_private(manifest, json.dumps(known, indent=1, sort_keys=True))
    return Synced(course.id, tuple(written), tuple(removed), tuple(conflicts))


def _source_files(source: Path) -> Iterator[tuple[str, Path]]:
    for folder, folders, names in os.walk(source):
        folders[:] = sorted(set(folders) - _SKIPPED)
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file():
                yield path.relative_to(source).as_posix(), path


def _digest(target: Path, name: str) -> str | None:
    path = target / name
    if path.is_symlink() or not path.is_file():
        return "not a file" if path.is_symlink() or path.exists() else None
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _write(target: Path, name: str, content: bytes) -> None:
    path = target / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if target.resolve() not in path.parent.resolve().parents and path.parent.resolve() != target.resolve():
        raise CoursesError(
            f"{path.parent} 指到了课程文件夹外面，请删掉这个链接。 "
            f"{path.parent} leads out of the course folder; remove the link."
        )
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    part.write_bytes(content)
    part.replace(path)
