# SPDX-License-Identifier: BSD-3-Clause
"""One nbgrader course folder, opened with the engine in place."""

import json
import os
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config, PyFileConfigLoader

from . import use


@dataclass(frozen=True)
class CourseFolder:
    """The folder, nbgrader's view of it, and the configuration that every step gets."""

    root: Path
    config: Config
    coursedir: CourseDirectory

    def gradebook(self) -> Gradebook:
        """The course's gradebook; close it by ``with``."""
        return Gradebook(self.coursedir.db_url, self.coursedir.course_id)

    def release(self, lab: str) -> Path:
        """Folder with the learners' version of a lab."""
        return Path(self.coursedir.format_path(self.coursedir.release_directory, ".", lab))

    def source(self, lab: str) -> Path:
        """Folder with the author's version of a lab."""
        return Path(self.coursedir.format_path(self.coursedir.source_directory, ".", lab))

    def labs(self) -> list[str]:
        """Labs that have a notebook in the source folder."""
        source = self.root / self.coursedir.source_directory
        return sorted({path.parent.name for path in source.glob("*/*.ipynb")})

    def private(self, *parts: str) -> Path:
        """A file or folder of ours in the course: ``.labroom/…``."""
        return self.root.joinpath(".labroom", *parts)


def open_course(root: Path, config_file: Path | None = None, course_id: str | None = None) -> CourseFolder:
    """The course in this folder. ``config_file``: Python that is run, so it must be the caller's own.

    A course folder on a hub may be changed by its authors; what stands in it is never run here.
    """
    root = root.absolute()
    config = Config()
    if config_file is not None:
        loader = PyFileConfigLoader(config_file.name, path=str(config_file.absolute().parent))
        config = loader.load_config()
    use(config)
    config.CourseDirectory.root = str(root)
    if course_id or "course_id" not in config.CourseDirectory:
        config.CourseDirectory.course_id = course_id or root.name
    # nbgrader calls alembic by its name, when it makes a gradebook.
    bin_folder = str(Path(sys.executable).parent)
    if bin_folder not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = bin_folder + os.pathsep + os.environ.get("PATH", os.defpath)
    return CourseFolder(root, config, CourseDirectory(config=config))


class LeadsOut(ValueError):  # noqa: N818 - read as a sentence where it is raised
    """A link stands where a course on the hub has its own folder or file."""


def refuse_links(root: Path) -> None:
    """LeadsOut when the operator's commands would be led elsewhere by a link of a course's author.

    The author's own server is confined to the course's folder; who runs these commands is not.
    """
    own = [root / name for name in ("release", "submitted", "autograded", "feedback", ".labroom")]
    found = [root / "source", *own, *root.glob("gradebook.db*")]
    for folder in own:
        for place, folders, files in os.walk(folder):
            found += [Path(place, name) for name in (*folders, *files)]
    for path in found:
        if path.is_symlink():
            raise LeadsOut(
                f"{path} 是链接，可能指到课程之外。请换成真正的文件夹或文件。 "
                f"{path} is a link and may lead out of the course. Put a real folder or file there."
            )


def lab_title(course: CourseFolder, lab: str) -> dict[str, str]:
    """A lab's title in both languages, as released, else as its author wrote it, else its id."""
    released, source = course.release(lab) / "lab.json", course.source(lab) / "lab.toml"
    for path, read in ((released, json.loads), (source, tomllib.loads)):
        try:
            title = read(path.read_text(encoding="utf-8"))["title"]
            return {"zh": str(title["zh"]), "en": str(title["en"])}
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return {"zh": lab, "en": lab}


def released_cells(course: CourseFolder, lab: str) -> dict[str, dict[str, Any]]:
    """Cells of the learners' version by ``grade_id`` over all its notebooks, in order; empty if unknown."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(course.release(lab).glob("*.ipynb")) or sorted(course.source(lab).glob("*.ipynb")):
        try:
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        except (OSError, ValueError, KeyError):
            continue
        for cell in cells:
            name = cell.get("metadata", {}).get("nbgrader", {}).get("grade_id")
            if isinstance(name, str):
                found[name] = cell
    return found
