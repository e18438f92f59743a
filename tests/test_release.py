# SPDX-License-Identifier: BSD-3-Clause
"""Release with nbgrader's generator; the proof that nothing leaks must itself be able to fail."""

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest
from grading_course import HIDDEN_LINES, LAB, SOLUTION_LINES, hand_in, labroom, make_course

from labroom.autograder.regions import secrets_of
from labroom.tools.leaks import find_leaks

ROOT = Path(__file__).parent.parent
LABS = sorted(path.parent for path in ROOT.glob("courses/*/source/*/lab.toml"))


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course whose lab has been released in both languages."""
    course = make_course(tmp_path_factory.mktemp("release") / "tiny")
    labroom("release", course, LAB)
    return course


@pytest.fixture
def course(released: Path, tmp_path: Path) -> Path:
    """A copy of the released course to spoil."""
    shutil.copytree(released, tmp_path / "tiny", symlinks=True)
    return tmp_path / "tiny"


def notebook(course: Path, step: str = "release") -> dict[str, Any]:
    raw: dict[str, Any] = json.loads((course / step / LAB / f"{LAB}.ipynb").read_text(encoding="utf-8"))
    return raw


def edit_source(course: Path, change: Any) -> None:
    path = course / "source" / LAB / f"{LAB}.ipynb"
    nb = nbformat.read(path, as_version=4)
    change({cell["id"]: cell for cell in nb.cells}, nb)
    nbformat.write(nb, path)


def test_release_holds_what_a_learner_needs_and_nothing_else(released: Path) -> None:
    folder = released / "release" / LAB
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert names == {f"{LAB}.ipynb", "lab.py", "lab.json", "data/water.csv"}
    about = json.loads((folder / "lab.json").read_text(encoding="utf-8"))
    assert (about["id"], about["language"], about["title"]["zh"]) == (LAB, "both", "热身")
    assert len(about["version"]) == 64
    everything = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file()).decode()
    for line in (*HIDDEN_LINES, *SOLUTION_LINES, "Ask the class first.", "model answer", "always-100"):
        assert line not in everything


def test_released_notebook_is_valid_and_has_nbgraders_marks(released: Path) -> None:
    nb = nbformat.read(released / "release" / LAB / f"{LAB}.ipynb", as_version=4)
    nbformat.validate(nb)
    marks = {cell.metadata.nbgrader.grade_id for cell in nb.cells if "nbgrader" in cell.metadata}
    assert marks == {"answer-1", "answer-2", "q1", "q2", "q3", "why"}


@pytest.mark.parametrize(
    ("language", "kept", "dropped"), [("zh", "title-zh", "title-en"), ("en", "title-en", "title-zh")]
)
def test_one_language_leaves_the_others_text_out(
    course: Path, language: str, kept: str, dropped: str
) -> None:
    labroom("release", course, LAB, "--language", language)
    nb = notebook(course)
    ids = {cell["id"] for cell in nb["cells"]}
    assert kept in ids
    assert dropped not in ids
    assert nb["metadata"]["labroom"]["language"] == language


def test_a_link_beside_the_courses_becomes_a_real_file(course: Path) -> None:
    (course.parent / "lab.py").write_text("WATER = 100\n")
    link = course / "source" / LAB / "lab.py"
    link.unlink()
    link.symlink_to("../../../lab.py")
    labroom("release", course, LAB)
    made = course / "release" / LAB / "lab.py"
    assert not made.is_symlink()
    assert made.read_text() == "WATER = 100\n"


def test_a_link_out_of_the_courses_is_refused(course: Path) -> None:
    (course / "source" / LAB / "notes.txt").symlink_to("/etc/hostname")
    done = labroom("release", course, LAB, check=False)
    assert done.returncode == 1
    assert "notes.txt is a link to outside" in done.stderr


def test_a_labs_folder_that_leads_out_of_the_course_is_refused(course: Path) -> None:
    shutil.copytree(course / "source" / LAB, course.parent / "elsewhere" / "home")
    (course.parent / "elsewhere" / "home" / f"{LAB}.ipynb").rename(
        course.parent / "elsewhere" / "home" / "taken.ipynb"
    )
    (course / "source" / "taken").symlink_to(course.parent / "elsewhere" / "home")
    done = labroom("release", course, "taken", check=False)
    assert done.returncode == 1
    assert "leads out of the course" in done.stderr
    assert not (course / "release" / "taken").exists()


def _in_metadata(cells: dict[str, Any], nb: Any) -> None:
    cells["q1"].metadata["note"] = f"the answer is {SOLUTION_LINES[0]}"


def _in_attachment(cells: dict[str, Any], nb: Any) -> None:
    hidden = base64.b64encode(HIDDEN_LINES[0].encode()).decode()
    cells["title-en"]["attachments"] = {"notes.txt": {"text/plain": hidden}}


def _marker(cells: dict[str, Any], nb: Any) -> None:
    cells["title-en"].metadata["note"] = "### BEGIN SOLUTION"


@pytest.mark.parametrize("spoil", [_in_metadata, _in_attachment, _marker])
def test_a_leak_in_the_notebook_stops_the_release(course: Path, spoil: Any) -> None:
    edit_source(course, spoil)
    done = labroom("release", course, LAB, "--json", check=False)
    assert done.returncode == 1
    told = json.loads(done.stdout)[0]
    assert "cell q1" in told["leaks"][0] or "cell title-en" in told["leaks"][0]
    assert not (course / "release" / LAB).exists()


@pytest.mark.parametrize("name", ["data/notes.txt", "data/answers.json", "more.py", "solution.ipynb.bak"])
def test_a_leak_in_any_file_stops_the_release(course: Path, name: str) -> None:
    text = json.dumps({"a": [SOLUTION_LINES[1]]}) if name.endswith("json") else f"x\n  {SOLUTION_LINES[1]}\n"
    (course / "source" / LAB / name).write_text(text)
    done = labroom("release", course, LAB, check=False)
    assert done.returncode == 1
    assert f"{name}, " in done.stderr
    assert "cell answer-2" in done.stderr
    assert not (course / "release" / LAB).exists()


def test_the_scan_finds_the_source_itself_full_of_leaks(course: Path) -> None:
    found = "\n".join(map(str, find_leaks(course / "source" / LAB, course / "source" / LAB)))
    for line in (*HIDDEN_LINES, *SOLUTION_LINES):
        assert line[:60] in found
    assert "teacher-only" in found
    assert find_leaks(course / "source" / LAB, course / "release" / LAB) == []


def test_outputs_databases_and_links_are_leaks(course: Path) -> None:
    folder = course / "release" / LAB
    nb = notebook(course)
    code = next(cell for cell in nb["cells"] if cell["cell_type"] == "code")
    code["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "100"}]
    (folder / f"{LAB}.ipynb").write_text(json.dumps(nb))
    shutil.copy(course / "gradebook.db", folder / "data" / "water.sqlite")
    (folder / "link").symlink_to("lab.py")
    found = {leak.what for leak in find_leaks(course / "source" / LAB, folder)}
    assert found == {"has outputs", "is a database", "is a link; a release holds real files only"}


def test_a_line_that_is_given_away_anyway_is_no_secret() -> None:
    cells = [
        {"id": "a", "metadata": {}, "source": "pressure = pressure_at(height)"},
        {
            "id": "b",
            "metadata": {"nbgrader": {"solution": True}},
            "source": "### BEGIN SOLUTION\npressure = pressure_at(height)\nx = 1\n"
            "boil = find(pressure, 7)\n### END SOLUTION",
        },
    ]
    assert [secret.text for secret in secrets_of({"cells": cells})] == ["boil = find(pressure, 7)"]


def test_after_a_hand_in_cells_cannot_be_added_and_the_author_is_told_why(course: Path) -> None:
    hand_in(course, "li", "boiling = 100")
    labroom("grade", "--folder", course, LAB)

    def add(cells: dict[str, Any], nb: Any) -> None:
        extra = nbformat.from_dict(json.loads(json.dumps(cells["q1"])))
        extra["id"], extra.metadata.nbgrader.grade_id = "q9", "q9"
        nb.cells.append(extra)

    edit_source(course, add)
    done = labroom("release", course, LAB, check=False)
    assert done.returncode == 1
    assert "hand-ins already" in done.stderr
    assert (course / "release" / LAB / f"{LAB}.ipynb").exists()


def test_an_unknown_lab_is_answered_with_those_that_exist(released: Path) -> None:
    done = labroom("release", released, "warmup", check=False)
    assert done.returncode == 1
    assert "There are: warm-up" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("source", LABS, ids=[path.name for path in LABS])
def test_every_lab_of_ours_is_released_without_a_leak(source: Path, tmp_path: Path) -> None:
    courses = ROOT / "courses"
    course = tmp_path / source.parent.parent.name
    shutil.copytree(source, course / "source" / source.name, symlinks=True)
    for name in ("lab.py", "lab.ttf"):
        shutil.copy(courses / name, tmp_path)
    labroom("release", course, source.name)
    assert (course / "release" / source.name / "lab.json").exists()
