# SPDX-License-Identifier: BSD-3-Clause
"""Finds what must not leave: lines between nbgrader's BEGIN and END marks, and whole solution cells."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

KINDS = ("SOLUTION", "HIDDEN TESTS", "MARK SCHEME")
MARK = re.compile(r"\b(BEGIN|END) (SOLUTION|HIDDEN TESTS|MARK SCHEME)\b")
# Shorter lines ("else:", "x = 1") stand in any notebook; to find them elsewhere proves nothing.
_SHORTEST = 10
_WORDLESS = re.compile(r"[\W\d_]*\Z")


@dataclass(frozen=True)
class Secret:
    """One line that must not leave: its text with single spaces, the cell and the kind of region."""

    text: str
    cell: str
    kind: str


def normalise(line: str) -> str:
    """The line with single spaces, nothing at the ends."""
    return " ".join(line.split())


def split_regions(source: str) -> tuple[list[str], list[tuple[str, str]]]:
    """Lines outside every region, and (kind, line) inside. An END without a BEGIN is just left out."""
    outside: list[str] = []
    inside: list[tuple[str, str]] = []
    kind = None
    for line in source.split("\n"):
        mark = MARK.search(line)
        if mark:
            kind = mark[2] if mark[1] == "BEGIN" else None
        elif kind is None:
            outside.append(line)
        else:
            inside.append((kind, line))
    return outside, inside


def telling(line: str) -> bool:
    """Whether to meet this line elsewhere would mean that it got out."""
    text = normalise(line)
    # A Chinese character says as much as three letters.
    weight = sum(3 if ord(letter) > 0x2E80 else 1 for letter in text)
    return weight >= _SHORTEST and not _WORDLESS.match(text)


def cell_source(cell: Mapping[str, Any]) -> str:
    """A cell's text, stored as one string or as lines."""
    source = cell.get("source", "")
    return "".join(source) if isinstance(source, list) else str(source)


def secrets_of(notebook: Mapping[str, Any], public: Iterable[str] = ()) -> list[Secret]:
    """Telling lines that stand only in regions, whole solution cells or teacher-only cells of a source.

    ``public``: texts that are given away anyway; a line that occurs in them is no secret.
    """
    found: list[Secret] = []
    open_lines: list[str] = [normalise(text) for text in public]
    for index, cell in enumerate(notebook.get("cells", [])):
        name = str(cell.get("id") or index)
        outside, inside = split_regions(cell_source(cell))
        metadata = cell.get("metadata", {})
        mark = metadata.get("nbgrader") or {}
        if "teacher-only" in metadata.get("tags", []):
            inside, outside = [*inside, *(("TEACHER ONLY", line) for line in outside)], []
        elif mark.get("solution") and not any(kind == "SOLUTION" for kind, _ in inside):
            inside, outside = [*inside, *(("SOLUTION", line) for line in outside)], []
        found += [Secret(normalise(line), name, kind) for kind, line in inside if telling(line)]
        open_lines += [normalise(line) for line in outside]
    given = "\n".join(open_lines)
    return [secret for secret in found if secret.text not in given]


def as_released(source: str) -> str:
    """A locked cell's text as it was released: hidden tests and marking schemes left out."""
    kept, hidden = [], False
    for line in source.split("\n"):
        mark = MARK.search(line)
        if mark and mark[2] != "SOLUTION":
            hidden = mark[1] == "BEGIN"
        elif not hidden:
            kept.append(line)
    return "\n".join(kept)
