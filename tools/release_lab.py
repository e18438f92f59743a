# SPDX-License-Identifier: BSD-3-Clause
"""Makes the learners' version of one lab with nbgrader's own generator, then proves that nothing leaked."""

import hashlib
import json
import os
import shutil
import stat
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from nbgrader.converters import GenerateAssignment
from nbgrader.utils import rmtree

from labroom.autograder.converter import ConversionFailed, run_converter
from labroom.autograder.course import CourseFolder
from labroom.autograder.work_files import stays_in

from .leaks import Leak, find_leaks

Language = Literal["zh", "en", "both"]
_KEPT_BACK = {"lab.toml", "gradebook.db", ".ipynb_checkpoints", "__pycache__", "teacher", "mutants"}
_PUBLIC = (
    "title",
    "summary",
    "band",
    "bands",
    "minutes",
    "curriculum",
    "prerequisites",
    "licence",
    "authors",
)


class ReleaseRefused(RuntimeError):  # noqa: N818 - read as a sentence where it is raised
    """No release was made; the text says why in both languages, ``leaks`` what would have left."""

    def __init__(self, message: str, leaks: tuple[Leak, ...] = ()) -> None:
        super().__init__(message)
        self.leaks = leaks


@dataclass(frozen=True)
class Released:
    """What was made: the folder that may leave, its version (hash of the source), and its files."""

    course: str
    lab: str
    folder: Path
    version: str
    language: Language
    files: tuple[str, ...]


def release_lab(
    course: CourseFolder, lab: str, language: Language = "both", due: datetime | None = None
) -> Released:
    """``<course>/release/<lab>``, made anew and checked. Raises ReleaseRefused and then leaves no release.

    The gradebook learns the lab's cells and due date (nbgrader's own way). An earlier release is
    replaced only when the new one is whole.
    """
    source = course.source(lab)
    refuse_links(course, source)
    version = source_version(source)
    course.private().mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="release-", dir=course.private()) as temporary:
        made = Path(temporary) / lab
        _generate(course, lab, Path(temporary))
        _make_whole(source, made)
        _keep_language(made, language)
        _write_lab_json(source, made, lab, version, language)
        leaks = find_leaks(source, made)
        target = course.release(lab)
        if leaks:
            if target.exists():
                rmtree(str(target))
            raise _leaked(lab, leaks)
        _replace(made, target)
    _set_due(course, lab, due)
    return Released(course.root.name, lab, target, version, language, tuple(_names(target)))


def source_version(source: Path) -> str:
    """SHA-256 over names and contents of a lab's source files."""
    total = hashlib.sha256()
    for name in _names(source):
        content = (source / name).read_bytes()
        total.update(f"{name}\0{len(content)}\0".encode() + content)
    return total.hexdigest()


def _names(folder: Path) -> Iterator[str]:
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - {".ipynb_checkpoints", "__pycache__"})
        for name in sorted(names):
            yield Path(root, name).relative_to(folder).as_posix()


def refuse_links(course: CourseFolder, source: Path) -> None:
    """ReleaseRefused for what leads out of the courses: the operator may read more than the author may."""
    if course.root.resolve() not in source.resolve().parents:
        raise ReleaseRefused(
            f"{source} 在课程文件夹之外，不能发布。 "
            f"{source} leads out of the course's folder; put a real folder there."
        )
    for path in source.rglob("*"):
        mode = path.lstat().st_mode
        if not (stat.S_ISLNK(mode) or stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise ReleaseRefused(
                f"{path} 是特殊文件，不能发布。 {path} is a special file; a lab holds files and folders only."
            )
        if path.is_symlink() and not (path.is_file() and stays_in(path, course.root)):
            raise ReleaseRefused(
                f"{path} 是指向课程之外(或不存在)的链接，不能发布。 "
                f"{path} is a link to outside the courses, or to nothing; put a real file there."
            )


def _generate(course: CourseFolder, lab: str, into: Path) -> None:
    try:
        # nbgrader would copy what is kept back, and follow links.
        run_converter(
            GenerateAssignment,
            course,
            lab,
            ignore=_KEPT_BACK,
            release_directory=str(into.relative_to(course.root)),
        )
    except ConversionFailed as error:
        raise ReleaseRefused(_explained(lab, str(error))) from error


def _explained(lab: str, log: str) -> str:
    if "Cannot add or remove cells" in log or "Cannot modify existing assignment" in log:
        return (
            f"实验 {lab} 已经有人交了作业，所以不能增加或删除带分数、答案或锁定的单元；只能改它们的内容。"
            f"请恢复这些单元，或者用新的实验名发布。 "
            f"Lab {lab} has hand-ins already, so graded, solution or locked cells cannot be added or "
            "removed; only their text may change. Put the cells back, or release under a new lab name."
        )
    reasons = [line for line in log.splitlines() if line and not line.startswith((" ", "Traceback"))]
    reason = next((line for line in reversed(reasons) if "Error" in line), reasons[-1] if reasons else log)
    return f"nbgrader 没有生成实验 {lab}。 nbgrader could not make a release of {lab}: {reason}"


def _make_whole(source: Path, made: Path) -> None:
    """Real files for the author's links, and none of what is kept back."""
    for name in _names(source):
        origin, target = source / name, made / name
        if origin.is_symlink() and not any(part in _KEPT_BACK for part in Path(name).parts):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            shutil.copyfile(origin.resolve(), target)


def _keep_language(made: Path, language: Language) -> None:
    if language == "both":
        return
    other = "lang-en" if language == "zh" else "lang-zh"
    for path in made.glob("*.ipynb"):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        notebook["cells"] = [
            cell
            for cell in notebook["cells"]
            if other not in cell["metadata"].get("tags", []) or "nbgrader" in cell["metadata"]
        ]
        notebook["metadata"].setdefault("labroom", {})["language"] = language
        path.write_text(json.dumps(notebook, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _write_lab_json(source: Path, made: Path, lab: str, version: str, language: Language) -> None:
    about = lab_metadata(source)
    name = {"zh": lab, "en": lab}
    public: dict[str, Any] = {"title": name, "summary": name, **{k: about[k] for k in _PUBLIC if k in about}}
    public |= {"id": lab, "language": language, "version": version}
    public |= {"notebooks": sorted(path.name for path in made.glob("*.ipynb"))}
    public |= {"data": about.get("data", [])}
    if "timeout" in about:
        public["timeout"] = about["timeout"]
    text = json.dumps(public, ensure_ascii=False, indent=1, sort_keys=True, default=str)
    (made / "lab.json").write_text(text + "\n", encoding="utf-8")


def lab_metadata(source: Path) -> dict[str, Any]:
    """What ``lab.toml`` says; empty for a plain nbgrader assignment. Raises ReleaseRefused if not TOML."""
    path = source / "lab.toml"
    if not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ReleaseRefused(f"{path} 不是有效的 TOML。 {path} is not valid TOML: {error}") from error


def _leaked(lab: str, leaks: list[Leak]) -> ReleaseRefused:
    shown = "\n".join(f"  {leak}" for leak in leaks[:20])
    return ReleaseRefused(
        f"实验 {lab} 没有发布：答案或隐藏测试会随之泄露({len(leaks)} 处)。发布的文件已删除。\n"
        f"Lab {lab} was not released: {len(leaks)} thing(s) of the author's would have left with it. "
        f"The release was removed. Take these out of the source:\n{shown}",
        tuple(leaks),
    )


def _replace(made: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    old = made.with_name("old")
    if target.exists():
        target.rename(old)
    made.rename(target)


def _set_due(course: CourseFolder, lab: str, due: datetime | None) -> None:
    if due is not None:
        with course.gradebook() as gradebook:
            gradebook.update_or_create_assignment(lab, duedate=due.astimezone(UTC).replace(tzinfo=None))
