# SPDX-License-Identifier: BSD-3-Clause
"""One language out of a bilingual notebook, and the same person changing her mind later.

Cells tagged ``lang-zh`` or ``lang-en`` that carry no nbgrader metadata are the text of a lab. Everything
else (code, answers, tests) is shared by both languages and never touched here.
"""

import copy
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .lab_folder import OURS, read_json, write_json

LANGUAGES = ("zh", "en")
VARIABLE = "LABROOM_LANGUAGE"
LOCALES = {"zh": "zh_CN", "en": "en"}
LOCALE_SETTING = Path("@jupyterlab") / "translation-extension" / "plugin.jupyterlab-settings"

Notebook = dict[str, Any]
Cell = dict[str, Any]


def text_language(cell: Mapping[str, Any]) -> str | None:
    """``zh`` or ``en`` for a text cell of one language, None for what both share."""
    metadata = cell.get("metadata") or {}
    if cell.get("cell_type") != "markdown" or "nbgrader" in metadata:
        return None
    tags = metadata.get("tags") or []
    found = [code for code in LANGUAGES if f"lang-{code}" in tags]
    return found[0] if len(found) == 1 else None


def source_of(cell: Mapping[str, Any]) -> str:
    """A cell's text, whether stored as one string or as lines."""
    source = cell.get("source", "")
    return "".join(source) if isinstance(source, list) else str(source)


def in_language(notebook: Notebook, language: str) -> Notebook:
    """A copy of a bilingual notebook with the text of one language."""
    kept = copy.deepcopy(notebook)
    kept["cells"] = [cell for cell in kept["cells"] if text_language(cell) in (None, language)]
    return _marked(kept, language)


def change_language(mine: Notebook, released: Notebook, language: str) -> Notebook:
    """A person's notebook with its text in another language, everything of hers kept.

    Text cells that she edited stay, in the language in which they are; so do cells that she added or
    moved. Text cells of the wanted language come from the release, each after the cell that it follows
    there. Cells are known by their ids.
    """
    changed = copy.deepcopy(mine)
    cells: list[Cell] = changed["cells"]
    originals = {cell.get("id"): cell for cell in released["cells"]}
    order = [cell.get("id") for cell in released["cells"]]
    for position, original in enumerate(released["cells"]):
        if text_language(original) != language or _find(cells, original.get("id")) is not None:
            continue
        cells.insert(_place_after(cells, order[:position]), copy.deepcopy(original))
    changed["cells"] = [
        cell
        for cell in cells
        if text_language(cell) in (None, language) or _edited(cell, originals.get(cell.get("id")))
    ]
    return _marked(changed, language)


def language_of(notebook: Mapping[str, Any]) -> str | None:
    """The language in which we wrote this person's notebook, if we did."""
    mark = (notebook.get("metadata") or {}).get("labroom") or {}
    language = mark.get("language") if isinstance(mark, dict) else None
    return language if language in LANGUAGES else None


def remembered_language(home: Path) -> str | None:
    """The language this person used last."""
    try:
        language = (home / OURS / "language").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return language if language in LANGUAGES else None


def remember_language(home: Path, language: str) -> None:
    """Keep the person's language for the next start of her server."""
    folder = home / OURS
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "language").write_text(language + "\n", encoding="utf-8")


def use_language(language: str) -> None:
    """Kernels started from now on speak this language."""
    os.environ[VARIABLE] = language


def set_lab_locale(user_settings: Path, language: str) -> None:
    """JupyterLab's menus in this language from the next page on; other settings of the file stay."""
    path = user_settings / LOCALE_SETTING
    settings = read_json(path)
    if settings.get("locale") != LOCALES[language]:
        write_json(path, {**settings, "locale": LOCALES[language]})


def _marked(notebook: Notebook, language: str) -> Notebook:
    metadata = notebook.setdefault("metadata", {})
    metadata["labroom"] = {**(metadata.get("labroom") or {}), "language": language}
    return notebook


def _find(cells: Sequence[Cell], cell_id: object) -> int | None:
    return next((i for i, cell in enumerate(cells) if cell.get("id") == cell_id), None)


def _place_after(cells: Sequence[Cell], before: Sequence[object]) -> int:
    for cell_id in reversed(before):
        found = _find(cells, cell_id)
        if found is not None:
            return found + 1
    return 0


def _edited(cell: Cell, original: Cell | None) -> bool:
    return original is None or source_of(cell) != source_of(original)
