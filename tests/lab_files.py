# SPDX-License-Identifier: BSD-3-Clause
"""The labs of the repository, as tests see them: folders, notebooks, cells by language."""

import importlib.util
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat

COURSES = Path(__file__).resolve().parent.parent / "courses"
LABS = sorted(path.parent for path in COURSES.glob("*/source/*/lab.toml"))


def lab_module() -> ModuleType:
    """``courses/lab.py``, imported once under the name that notebooks use."""
    if "lab" not in sys.modules:
        spec = importlib.util.spec_from_file_location("lab", COURSES / "lab.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules["lab"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules["lab"])
    return sys.modules["lab"]


def notebook_of(folder: Path) -> dict[str, Any]:
    return nbformat.read(folder / f"{folder.name}.ipynb", as_version=nbformat.NO_CONVERT)


def grading(cell: dict[str, Any]) -> dict[str, Any]:
    return cell["metadata"].get("nbgrader", {})


def copy_of(folder: Path, target: Path) -> Path:
    """The lab's folder with links followed, as release and fetch leave it."""
    return Path(
        shutil.copytree(folder, target, ignore=shutil.ignore_patterns("__pycache__", "predictions.json"))
    )
