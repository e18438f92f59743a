# SPDX-License-Identifier: BSD-3-Clause
"""Where a lab lies in a person's home, and which paths are no lab at all."""

import json
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z")
OURS = ".labroom"
# In a grader's home these are nbgrader's folders, not courses.
NOT_COURSES = ("source", "release", "submitted", "autograded", "feedback")


class LabProblem(Exception):  # noqa: N818 - read as a sentence where it is raised
    """Something a person must be told, in both languages, with what to do next."""

    def __init__(self, code: str, status: int, zh: str, en: str, detail: str = "") -> None:
        super().__init__(f"{code}: {en}")
        self.code, self.status, self.detail = code, status, detail
        self.message = {"zh": zh, "en": en}

    def as_json(self) -> dict[str, Any]:
        """The shape of every error answer: stable code, message by language, detail."""
        return {"error": self.code, "message": self.message, "detail": self.detail}


@dataclass(frozen=True)
class LabFolder:
    """One lab in one home. Making one touches nothing on disk."""

    home: Path
    course: str
    lab: str

    @property
    def path(self) -> Path:
        """The folder with the person's work."""
        return self.home / self.course / self.lab

    @property
    def notebook(self) -> Path:
        """The lab's notebook, named like the lab."""
        return self.path / f"{self.lab}.ipynb"

    @property
    def kept(self) -> Path:
        """The notebooks as they were released, both languages in them."""
        return self.home / OURS / "releases" / self.course / self.lab

    @property
    def kept_notebook(self) -> Path:
        """The released notebook, both languages in it."""
        return self.kept / f"{self.lab}.ipynb"

    @property
    def kept_about(self) -> Path:
        """What we know of the kept release: its checksum, when it was fetched."""
        return self.kept / "release.json"

    @property
    def pending(self) -> Path:
        """Where the exchange's client notes a hand-in that has no receipt yet."""
        return self.home / "receipts" / self.course / self.lab / ".pending.json"

    @property
    def is_lab(self) -> bool:
        """Whether the folder holds a lab that was released to this person."""
        return self.notebook.is_file() and (
            (self.path / "lab.json").is_file() or self.kept_notebook.is_file()
        )


def named_lab(home: Path, course: str, lab: str) -> LabFolder:
    """The lab of these names; LabProblem when a name cannot be one."""
    if not NAME.match(course) or not NAME.match(lab):
        raise LabProblem(
            "bad-name",
            400,
            "这个链接里的课程名或实验名不对。请回到课程页面，重新点击“打开”。",
            "The course or lab in this link has an impossible name. Go back to the course page "
            "and press Open again.",
        )
    return LabFolder(home, course, lab)


def lab_at(home: Path, root: Path, path: str) -> LabFolder:
    """The lab to which a path from the browser belongs (``course/lab/lab.ipynb``, seen from root).

    Links are followed before judging; whatever does not lie in a lab folder of this home is refused.
    """
    home = home.resolve()
    try:
        inside = (root / path.strip("/")).resolve().relative_to(home).parts
    except (ValueError, OSError):  # outside the home, a NUL in it, or a loop of links
        inside = ()
    named = len(inside) in (2, 3) and NAME.match(inside[0]) and NAME.match(inside[1])
    if named and inside[0] not in NOT_COURSES:
        lab = LabFolder(home, inside[0], inside[1])
        if lab.is_lab and (len(inside) == 2 or inside[2] == lab.notebook.name):
            return lab
    raise LabProblem(
        "not-a-lab",
        404,
        "这不是从课程页面打开的实验。检查和交作业只适用于实验的原始笔记本，请从课程页面打开它。",
        "This is not a lab opened from the course page. Checking and handing in work on the lab's own "
        "notebook only; open it from the course page.",
    )


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file; empty when there is none or it is something else."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def write_json(path: Path, value: Mapping[str, Any], indent: int | None = 1) -> None:
    """Put a JSON file in place whole: after a crash there is the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(value, file, ensure_ascii=False, indent=indent)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read_notebook(path: Path) -> dict[str, Any]:
    """A notebook as plain JSON; LabProblem when the file is not one."""
    notebook = read_json(path)
    if not isinstance(notebook.get("cells"), list) or notebook.get("nbformat") != 4:
        raise LabProblem(
            "bad-notebook",
            422,
            f"“{path.name}”已损坏，无法读取。您可以在文件列表中把它改名，再从课程页面打开实验，会得到一份新的。",
            f"{path.name} is damaged and cannot be read. Rename its folder in the file list and open the lab "
            "from the course page again: you get a fresh copy.",
            str(path.name),
        )
    return notebook
