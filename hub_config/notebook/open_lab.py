# SPDX-License-Identifier: BSD-3-Clause
"""One click from the course page: the lab is in the home, in the person's language, ready to open."""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from .lab_folder import LabFolder, LabProblem, read_json, read_notebook, write_json
from .language import change_language, in_language, language_of

PART = ".part-"


class Releases(Protocol):
    """What opening a lab needs of the exchange."""

    def assignments(self, course: str, /) -> list[dict[str, Any]]:
        """Labs released in a course."""

    def fetch(self, course: str, assignment: str, into: Path, /) -> Any:
        """Put a released lab's files into a folder."""


@dataclass(frozen=True)
class Opened:
    """A lab ready to open, and whether this was the first time."""

    lab: LabFolder
    language: str
    first: bool


def open_lab(lab: LabFolder, language: str, exchange: Releases | None) -> Opened:
    """Make sure the lab lies in the home, with its text in this language.

    Work that is there is never overwritten: only text cells that the person has not edited are exchanged
    when the language changes. Safe to repeat, and after a crash at any point. Without an exchange, a lab
    that is there still opens.
    """
    first = not lab.path.exists()
    if first or not lab.kept_notebook.is_file():
        if exchange is None:
            if first:
                raise _no_exchange()
        else:
            _fetch(lab, language, exchange)
    if not lab.notebook.is_file():
        raise LabProblem(
            "no-notebook",
            404,
            f"您的“{lab.course}/{lab.lab}”文件夹里没有实验笔记本“{lab.notebook.name}”。"
            "请在文件列表中把这个文件夹改名，再从课程页面打开实验。",
            f"Your folder {lab.course}/{lab.lab} has no notebook {lab.notebook.name} in it. Rename that "
            "folder in the file list, then open the lab from the course page again.",
        )
    if not first:
        _render(lab, language)
    return Opened(lab, language, first)


def _fetch(lab: LabFolder, language: str, exchange: Releases) -> None:
    course = lab.path.parent
    course.mkdir(parents=True, exist_ok=True)
    for left_over in course.glob(f".{lab.lab}{PART}*"):
        shutil.rmtree(left_over, ignore_errors=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{lab.lab}{PART}", dir=course))
    part = scratch / lab.lab
    try:
        about = _about_release(exchange.assignments(lab.course), lab.lab)
        exchange.fetch(lab.course, lab.lab, part)
        _keep_release(lab, part, about)
        if lab.path.exists():
            return
        for notebook in part.glob("*.ipynb"):
            write_json(notebook, in_language(read_notebook(notebook), language))
        card = read_json(part / "lab.json")
        write_json(part / "lab.json", {**card, "language": language})
        part.rename(lab.path)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _about_release(assignments: list[dict[str, Any]], lab: str) -> Mapping[str, Any]:
    return next((row for row in assignments if row.get("assignment") == lab), {})


def _keep_release(lab: LabFolder, part: Path, about: Mapping[str, Any]) -> None:
    if not (part / lab.notebook.name).is_file():
        raise LabProblem(
            "bad-release",
            502,
            "作者发布的实验里缺少笔记本文件，暂时无法打开。请告诉课程作者。您的作业没有受到影响。",
            f"The released lab has no {lab.notebook.name} in it, so it cannot be opened. Please tell the "
            "course's author. Nothing of yours is affected.",
        )
    lab.kept.parent.mkdir(parents=True, exist_ok=True)
    copy = Path(tempfile.mkdtemp(prefix=f".{lab.lab}{PART}", dir=lab.kept.parent))
    try:
        for file in (*part.glob("*.ipynb"), part / "lab.json"):
            if file.is_file():
                shutil.copyfile(file, copy / file.name)
        write_json(
            copy / lab.kept_about.name,
            {"sha256": about.get("sha256"), "fetched_at": datetime.now(UTC).isoformat(timespec="seconds")},
        )
        shutil.rmtree(lab.kept, ignore_errors=True)
        copy.rename(lab.kept)
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def _render(lab: LabFolder, language: str) -> None:
    if not lab.kept_notebook.is_file():
        return
    mine = read_notebook(lab.notebook)
    if language_of(mine) != language:
        write_json(lab.notebook, change_language(mine, read_notebook(lab.kept_notebook), language))
    card = lab.path / "lab.json"
    if card.is_file() and read_json(card).get("language") != language:
        write_json(card, {**read_json(card), "language": language})


def _no_exchange() -> LabProblem:
    return LabProblem(
        "no-exchange",
        503,
        "这台服务器没有连接课程中心，所以还不能取得新的实验。请从课程页面登录后打开，或请管理员检查设置。",
        "This server is not connected to the course exchange, so a new lab cannot be fetched. Sign in and "
        "open it from the course page, or ask the operator to check the settings.",
    )
