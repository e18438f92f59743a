# SPDX-License-Identifier: BSD-3-Clause
"""Proves that nothing of the author's leaves with a release: reads every byte that would, on its own.

It does not trust nbgrader's markers to have been cut rightly: it compares what leaves with the source.
"""

import base64
import binascii
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labroom.autograder.regions import MARK, Secret, cell_source, normalise, secrets_of

_DATABASES = (b"SQLite format 3\0",)


@dataclass(frozen=True)
class Leak:
    """Where something of the author's would have left, and what."""

    file: str
    where: str
    what: str

    def __str__(self) -> str:
        place = f"{self.file}, {self.where}" if self.where else self.file
        return f"{place}: {self.what}"


def find_leaks(source: Path, release: Path) -> list[Leak]:
    """Everything in ``release`` that must not leave, compared with the author's notebooks in ``source``."""
    public = [path.read_text(encoding="utf-8") for path in source.glob("lab.py")]
    secrets = [
        secret
        for path in sorted(source.glob("*.ipynb"))
        for secret in secrets_of(json.loads(path.read_text(encoding="utf-8")), public)
    ]
    leaks: list[Leak] = []
    for path in sorted(release.rglob("*")):
        name = path.relative_to(release).as_posix()
        if path.is_symlink():
            leaks.append(Leak(name, "", "is a link; a release holds real files only"))
        elif path.is_file():
            leaks += _leaks_in_file(path, name, secrets)
    return leaks


def _leaks_in_file(path: Path, name: str, secrets: list[Secret]) -> Iterator[Leak]:
    content = path.read_bytes()
    if content.startswith(_DATABASES) or "gradebook" in path.name:
        yield Leak(name, "", "is a database")
        return
    if path.suffix == ".ipynb":
        yield from _leaks_in_notebook(json.loads(content), name, secrets)
        return
    yield from _leaks_in_text(
        content.decode("utf-8", errors="replace"), name, secrets, public=path.name == "lab.py"
    )
    if path.suffix == ".json":
        try:
            texts = list(_strings(json.loads(content)))
        except ValueError:
            return
        for where, text in texts:
            yield from (Leak(name, where, leak.what) for leak in _leaks_in_text(text, name, secrets))


def _leaks_in_notebook(notebook: dict[str, Any], name: str, secrets: list[Secret]) -> Iterator[Leak]:
    for index, cell in enumerate(notebook.get("cells", [])):
        where = f"cell {cell.get('id') or index}"
        if cell.get("outputs"):
            yield Leak(name, where, "has outputs")
        if "teacher-only" in cell.get("metadata", {}).get("tags", []):
            yield Leak(name, where, "is tagged teacher-only")
        for leak in _leaks_in_text(cell_source(cell), name, secrets):
            yield Leak(name, f"{where}, {leak.where}", leak.what)
        rest = {key: value for key, value in cell.items() if key != "source"}
        for place, text in _strings(rest):
            for leak in _leaks_in_text(text, name, secrets):
                yield Leak(name, f"{where}, {place}", leak.what)
    for place, text in _strings({key: value for key, value in notebook.items() if key != "cells"}):
        for leak in _leaks_in_text(text, name, secrets):
            yield Leak(name, place, leak.what)


def _leaks_in_text(text: str, name: str, secrets: list[Secret], *, public: bool = False) -> Iterator[Leak]:
    for number, line in enumerate(text.splitlines(), 1):
        plain = normalise(line)
        if not public and MARK.search(line):
            yield Leak(name, f"line {number}", f"has the author's marker: {plain[:80]}")
        for secret in secrets:
            if secret.text in plain:
                kind = secret.kind.lower()
                yield Leak(name, f"line {number}", f"has a {kind} line of cell {secret.cell}: {plain[:80]}")


def _strings(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Every string in a JSON value, keys included, base64 attachments decoded."""
    if isinstance(value, str):
        yield path, value
        decoded = _decoded(value)
        if decoded:
            yield path + " (decoded)", decoded
    elif isinstance(value, list):
        if value and all(isinstance(part, str) for part in value):
            yield path, "".join(value)
        for number, part in enumerate(value):
            yield from _strings(part, f"{path}[{number}]")
    elif isinstance(value, dict):
        for key, part in value.items():
            yield path, str(key)
            yield from _strings(part, f"{path}.{key}" if path else str(key))


def _decoded(text: str) -> str:
    if len(text) < 16:
        return ""
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode("utf-8", errors="replace")
    except (binascii.Error, ValueError):
        return ""
