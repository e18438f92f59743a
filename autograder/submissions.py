# SPDX-License-Identifier: BSD-3-Clause
"""Finds what was handed in and says in one sentence what is wrong with what cannot be graded."""

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LARGEST_NOTEBOOK = 20 << 20

# code -> what is wrong and what to do, in both languages; {file} is filled in.
FAULTS: Mapping[str, tuple[str, str]] = {
    "link": (
        "{file} 是链接或特殊文件，不能交。请换成真正的文件再交。",
        "{file} is a link or a special file, which cannot be handed in. Replace it by a real file.",
    ),
    "in-the-way": (
        "{file} 和实验自带的文件夹或文件同名，不能交。请改名或删掉，再交一次。",
        "{file} has the name of a folder or file of the lab. Rename or remove it and hand in once more.",
    ),
    "missing-notebook": (
        "没有找到笔记本 {file}。请不要改名，重新交一次。",
        "The notebook {file} is missing. Do not rename it; hand in once more.",
    ),
    "empty": ("{file} 是空文件。请重新保存后再交。", "{file} is empty. Save it again and hand in once more."),
    "too-large": (
        "{file} 超过 20 MB。请清除输出后再交。",
        "{file} is larger than 20 MB. Clear its outputs and hand in once more.",
    ),
    "too-many-files": (
        "文件太多或太大。请只交笔记本和需要的文件。",
        "There are too many or too large files. Hand in the notebook and what it needs only.",
    ),
    "not-json": (
        "{file} 不是完整的笔记本文件(可能没有传完)。请重新保存后再交。",
        "{file} is not a whole notebook file (cut off on the way?). Save it and hand in once more.",
    ),
    "too-deep": (
        "{file} 的结构嵌套太深，读不出来。请从头打开实验再做一次。",
        "{file} is nested too deeply to be read. Open the lab afresh.",
    ),
    "not-notebook": (
        "{file} 不是笔记本。请在实验页面保存后再交。",
        "{file} is no notebook. Save it from the lab page and hand in once more.",
    ),
    "old-format": (
        "{file} 是旧格式的笔记本。请在实验页面打开、保存，再交一次。",
        "{file} is a notebook of another format version. Open and save it, then hand in once more.",
    ),
}


class Unreadable(ValueError):  # noqa: N818 - read as a sentence where it is raised
    """A submission cannot be graded; ``code`` is stable, the text says what to do in both languages."""

    def __init__(self, code: str, file: str = "") -> None:
        self.code, self.file = code, file
        self.zh, self.en = (text.format(file=file) for text in FAULTS[code])
        super().__init__(f"{self.zh} {self.en}")


@dataclass(frozen=True)
class Submission:
    """One learner's folder for one lab, as collected."""

    learner: str
    lab: str
    folder: Path

    def digest(self) -> str:
        """SHA-256 over names and contents of all files. Raises Unreadable where there is a link."""
        total = hashlib.sha256()
        for path in self.files():
            name = path.relative_to(self.folder).as_posix()
            total.update(f"{len(name.encode())}:{name}:{path.stat().st_size}:".encode())
            with path.open("rb") as file:
                while piece := file.read(1 << 20):
                    total.update(piece)
        return total.hexdigest()

    def files(self) -> list[Path]:
        """Every file, by name. Raises Unreadable at a link, device, socket or pipe: none is followed."""
        found = []
        if self.folder.is_symlink():
            raise Unreadable("link", self.folder.name)
        for root, folders, names in os.walk(self.folder):
            folders.sort()
            for name in sorted([*folders, *names]):
                path = Path(root, name)
                mode = path.lstat().st_mode
                if stat.S_ISREG(mode):
                    found.append(path)
                elif not stat.S_ISDIR(mode):
                    raise Unreadable("link", path.relative_to(self.folder).as_posix())
        return sorted(found)


def find_submissions(root: Path, lab: str, learner: str | None = None) -> list[Submission]:
    """Submissions of a lab in ``<root>/submitted``, by learner."""
    submitted = root / "submitted"
    folders = sorted(path for path in submitted.iterdir() if path.is_dir()) if submitted.is_dir() else []
    return [
        Submission(person.name, lab, person / lab)
        for person in folders
        if (person / lab).is_dir() and not person.name.startswith(".") and learner in (None, person.name)
    ]


def read_notebook(path: Path) -> dict[str, Any]:
    """A submitted notebook as JSON, checked as far as grading needs. Raises Unreadable."""
    name = path.name
    if not path.exists():
        raise Unreadable("missing-notebook", name)
    if path.stat().st_size > LARGEST_NOTEBOOK:
        raise Unreadable("too-large", name)
    content = path.read_bytes()
    if not content.strip():
        raise Unreadable("empty", name)
    try:
        raw = json.loads(content.decode("utf-8-sig"), parse_constant=_no_number)
        # Half a character, as in "\\ud800", can be read but written nowhere.
        json.dumps(raw, ensure_ascii=False).encode()
    except RecursionError as error:
        raise Unreadable("too-deep", name) from error
    except (ValueError, UnicodeDecodeError) as error:
        raise Unreadable("not-json", name) from error
    if not isinstance(raw, dict) or not isinstance(raw.get("nbformat"), int):
        raise Unreadable("not-notebook", name)
    if raw["nbformat"] != 4:
        raise Unreadable("old-format", name)
    if not isinstance(raw.get("cells"), list) or not all(_is_cell(cell) for cell in raw["cells"]):
        raise Unreadable("not-notebook", name)
    if not isinstance(raw.get("metadata"), dict):
        raise Unreadable("not-notebook", name)
    return raw


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _is_cell(cell: object) -> bool:
    if not isinstance(cell, dict) or not isinstance(cell.get("metadata"), dict):
        return False
    source, tags = cell.get("source"), cell["metadata"].get("tags", [])
    whole = isinstance(source, str) or (isinstance(source, list) and all(isinstance(s, str) for s in source))
    tagged = isinstance(tags, list) and all(isinstance(tag, str) for tag in tags)
    return whole and tagged and cell.get("cell_type") in ("code", "markdown", "raw")
