# SPDX-License-Identifier: BSD-3-Clause
"""Every lab in ``courses/``: complete, in both languages, runs offline, and is graded as it says."""

import hashlib
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
from lab_files import LABS, copy_of, grading, lab_module, notebook_of
from nbformat.validator import normalize

from labroom.autograder.stubs import CODE_STUB, TEXT_STUB

each_lab = pytest.mark.parametrize("folder", LABS, ids=lambda folder: folder.name)
CARD_KEYS = {
    "file",
    "title",
    "source",
    "licence",
    "sha256",
    "rows",
    "uncertainty",
    "dropped",
    "columns",
    "retrieved",
}
# No connection leaves the machine: kernels find this module first.
OFFLINE = """
import socket
_connect = socket.socket.connect
def connect(self, address):
    if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
        raise OSError("this lab must run without a network: " + str(address))
    return _connect(self, address)
socket.socket.connect = connect
"""


def numbers(text: str) -> set[str]:
    """Numbers of a text, months included; a lone digit may be a word in the other language ("four times")."""
    months = "January February March April May June July August September October November December"
    for number, month in enumerate(months.split(), 1):
        text = re.sub(rf"(\d+ )?\b{month}\b(?= \d)", lambda m, n=number: f"{m[1] or ''}{n} ", text)
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text)
    return {found for found in re.findall(r"\d+(?:\.\d+)?", text) if len(found) > 1}


def written_out(chinese: str) -> set[str]:
    """Numbers from ten to ninety-nine written with characters, as in 百万分之十二."""
    digits = "零一二三四五六七八九"
    found = re.findall(f"([{digits}]?)十([{digits}]?)", chinese)
    return {
        str(10 * (digits.index(tens) if tens else 1) + (digits.index(ones) if ones else 0))
        for tens, ones in found
    }


@each_lab
def test_lab_toml_says_what_a_lab_must_say(folder):
    card = tomllib.loads((folder / "lab.toml").read_text(encoding="utf-8"))
    assert card["id"] == folder.name
    for key in ("title", "summary"):
        assert set(card[key]) == {"zh", "en"}
        assert all(card[key].values())
    assert set(card["minutes"]) == {"teacher", "class"}
    assert set(card["band"]) <= {"1-2", "3-4", "5-6", "7-9", "senior", "teacher"}
    assert card["curriculum"]["standard"] == "science-2022"
    assert all(re.fullmatch(r"\d{1,2}\.\d", content) for content in card["curriculum"]["contents"])
    assert card["curriculum"]["ccc"]
    assert card["curriculum"]["competencies"]
    assert card["licence"] == "CC-BY-4.0"
    assert card["authors"]
    assert card["prerequisites"]
    assert 1 <= card["timeout"] <= 300
    assert 1 <= len(card["misconception"]) <= 6
    cards = {entry["card"] for entry in card["data"]}
    assert cards == {f"data/{path.name}" for path in folder.glob("data/*.card.json")}


@each_lab
def test_data_are_the_files_their_cards_describe(folder):
    for path in folder.glob("data/*.csv"):
        card = json.loads(path.with_suffix(".card.json").read_text(encoding="utf-8"))
        assert set(card) >= CARD_KEYS, path
        content = path.read_bytes()
        assert hashlib.sha256(content).hexdigest() == card["sha256"], path
        assert b"\r" not in content
        assert len([line for line in content.splitlines() if not line.startswith(b"#")]) == card["rows"] + 1
        assert len(content) <= 600_000


@each_lab
def test_module_and_font_are_links_to_the_one_copy(folder):
    for name in ("lab.py", "lab.ttf"):
        assert (folder / name).is_symlink()
        assert (folder / name).resolve() == (folder.parents[2] / name).resolve()


@each_lab
def test_the_notebook_is_clean(folder):
    notebook = notebook_of(folder)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert normalize(notebook)[0] == 0
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    for cell in notebook.cells:
        assert re.fullmatch(r"[a-z0-9-]+", cell.id)
        if cell.cell_type == "code":
            assert not cell.outputs
            assert cell.execution_count is None


@each_lab
def test_both_languages_say_the_same_in_pairs(folder):
    cells = [c for c in notebook_of(folder).cells if c.cell_type == "markdown" and not grading(c)]
    chinese, english = cells[::2], cells[1::2]
    assert len(chinese) == len(english)
    for zh, en in zip(chinese, english, strict=True):
        assert "lang-zh" in zh.metadata.tags
        assert "lang-en" in en.metadata.tags
        assert zh.id.removesuffix("-zh") == en.id.removesuffix("-en")
        assert set(zh.metadata.tags) - {"lang-zh"} == set(en.metadata.tags) - {"lang-en"}
        assert numbers(zh.source) - numbers(en.source) == set(), zh.id
        assert numbers(en.source) - numbers(zh.source) - written_out(zh.source) == set(), zh.id
        assert zh.source.count("\n|") == en.source.count("\n|"), zh.id
        assert zh.source.count("\n#") == en.source.count("\n#"), zh.id


@each_lab
def test_a_prediction_is_asked_before_any_result_and_compared_after(folder):
    sources = [cell.source for cell in notebook_of(folder).cells if cell.cell_type == "code"]
    asked = next(i for i, source in enumerate(sources) if "lab.predict(" in source)
    seen = [
        i for i, source in enumerate(sources) if re.search(r"lab\.reveal\(|after=|lab\.compare\(", source)
    ]
    assert seen
    assert asked < min(seen)
    assert "lab.compare(" in "".join(sources)
    phases = ("engage", "explore", "explain", "elaborate", "evaluate")
    tagged = [
        phase
        for cell in notebook_of(folder).cells
        for phase in phases
        if phase in cell.metadata.get("tags", [])
    ]
    assert list(dict.fromkeys(tagged)) == list(phases)


@each_lab
def test_points_and_graded_cells_are_as_nbgrader_wants_them(folder):
    card = tomllib.loads((folder / "lab.toml").read_text(encoding="utf-8"))
    cells = [cell for cell in notebook_of(folder).cells if grading(cell)]
    names = [grading(cell)["grade_id"] for cell in cells]
    assert len(set(names)) == len(names)
    automatic = [c for c in cells if grading(c)["grade"] and not grading(c)["solution"]]
    manual = [c for c in cells if grading(c)["grade"] and grading(c)["solution"]]
    assert 3 <= len(automatic) <= 5
    assert 1 <= len(manual) <= 2
    assert sum(grading(c)["points"] for c in automatic) == card["points"]["auto"]
    assert sum(grading(c)["points"] for c in manual) == card["points"]["manual"]
    for cell in cells:
        assert grading(cell)["schema_version"] == 3
        if grading(cell)["solution"]:
            assert cell.source.count("### BEGIN SOLUTION") == cell.source.count("### END SOLUTION") == 1
        else:
            assert "\nimport lab\n" in "\n" + cell.source  # runs on its own where tests are judged
            assert (
                cell.source.count("### BEGIN HIDDEN TESTS") == cell.source.count("### END HIDDEN TESTS") == 1
            )
        if grading(cell)["grade"]:
            assert set(cell.metadata["labroom"]["title"]) == {"zh", "en"}


@pytest.mark.slow
@each_lab
@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # papermill and traitlets
def test_the_solution_runs_offline_with_and_without_a_prediction(folder, language, tmp_path, monkeypatch):
    import papermill

    (tmp_path / "offline").mkdir()
    (tmp_path / "offline" / "sitecustomize.py").write_text(OFFLINE, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "offline"))
    monkeypatch.setenv("LABROOM_LANGUAGE", language)
    lab = copy_of(folder, tmp_path / folder.name)
    notebook = str(lab / f"{folder.name}.ipynb")
    for predicted in (False, True):
        if predicted:
            sources = "".join(cell.source for cell in notebook_of(folder).cells)
            items = re.findall(r'lab\.predict\(\s*"([^"]+)"', sources)
            record = {"choice": "1", "text": "x", "reason": "y", "at": ""}
            (lab / "predictions.json").write_text(json.dumps(dict.fromkeys(items, record)), encoding="utf-8")
        done = papermill.execute_notebook(
            notebook, None, cwd=str(lab), kernel_name="python3", progress_bar=False, execution_timeout=60
        )
        printed = [o for cell in done.cells for o in cell.get("outputs", [])]
        assert not [o.text for o in printed if o.output_type == "stream" and o.name == "stderr"]
        images = [html for o in printed if "<img" in (html := o.get("data", {}).get("text/html", ""))]
        assert all(re.search(r'<img alt="[^"]{15,}', html) for html in images)
        assert len(images) >= (3 if predicted else 1)


def graded_by_nbgrader(
    course: Path, folder: Path, submissions: dict[str, list | None]
) -> dict[str, dict[str, object]]:
    """{learner: {item: automatic score, None = to be marked}} by nbgrader itself.

    A learner hands in the released notebook with these cells replaced by id; None hands in the source.
    """
    from nbgrader.api import Gradebook
    from nbgrader.apps import NbGraderAPI
    from traitlets.config import Config

    config = Config()
    config.CourseDirectory.root = str(course)
    config.CourseDirectory.course_id = "test"
    config.ClearSolutions.code_stub = {"python": CODE_STUB}
    config.ClearSolutions.text_stub = TEXT_STUB
    name = folder.name
    copy_of(folder, course / "source" / name)
    api = NbGraderAPI(config=config)
    made = api.generate_assignment(name)
    assert made["success"], made["log"]
    for learner, replaced in submissions.items():
        place = course / "submitted" / learner / name
        place.mkdir(parents=True)
        origin = course / ("source" if replaced is None else "release") / name / f"{name}.ipynb"
        (place / origin.name).write_bytes(origin.read_bytes())
        graded = api.autograde(name, learner)
        assert graded["success"], graded["log"]
    scores: dict[str, dict[str, object]] = {}
    with Gradebook(f"sqlite:///{course}/gradebook.db", "test") as gradebook:
        for learner in submissions:
            notebook = gradebook.find_submission_notebook(name, name, learner)
            scores[learner] = {grade.name: grade.auto_score for grade in notebook.grades}
    return scores


@pytest.mark.slow
@each_lab
@pytest.mark.filterwarnings("ignore")  # nbgrader, alembic and sqlalchemy warn about each other
def test_nbgrader_gives_the_solution_everything_and_the_blank_nothing(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    monkeypatch.setenv("LABROOM_LANGUAGE", "en")
    course = tmp_path / "course"
    scores = graded_by_nbgrader(course, folder, {"solved": None, "blank": []})
    points = {
        grading(c)["grade_id"]: grading(c)["points"]
        for c in notebook_of(folder).cells
        if grading(c).get("grade")
    }
    manual = {
        c.metadata.nbgrader.grade_id
        for c in notebook_of(folder).cells
        if grading(c).get("grade") and grading(c)["solution"]
    }
    assert scores["solved"] == {item: None if item in manual else value for item, value in points.items()}
    assert scores["blank"] == dict.fromkeys(points, 0)

    released = (course / "release" / folder.name / f"{folder.name}.ipynb").read_text(encoding="utf-8")
    assert "SOLUTION" not in released
    assert "HIDDEN TESTS" not in released

    blank = nbformat.read(
        course / "autograded" / "blank" / folder.name / f"{folder.name}.ipynb", as_version=4
    )
    for cell in blank.cells:
        failed = [o for o in cell.get("outputs", []) if o.output_type == "error"]
        if grading(cell).get("grade") and cell.cell_type == "code":
            assert [o.ename for o in failed] == ["LabCheck"], cell.id
            assert len("".join(failed[0].traceback)) < 300
        else:
            assert not failed, (cell.id, failed)


BOILING = [
    ("q1", "lhasa", (100.0, "℃"), "sea level"),
    ("q1", "lhasa", 100.0, "together"),
    ("q1", "lhasa", (93.7, "℃"), "altitude"),
    ("q1", "lhasa", (63.7, "°C"), "proportional"),
    ("q1", "lhasa", (360.95, "K"), "unit"),
    ("q1", "lhasa", (360.95, "℃"), "kelvin"),
    ("q1", "lhasa", ..., "blank"),
    ("q2", "flame", "A", "flame"),
    ("q2", "flame", "c", "supplies"),
    ("q2", "flame", "D", "pressure"),
    ("q3", "boiling_point", lambda h: 100 - h / 300, "rule"),
    ("q3", "boiling_point", lambda h: 99.974, "altitude"),
    ("q3", "boiling_point", lambda h: 645.0 + h, "plausible"),
    ("q4", "extra", (1014.2, "hPa"), "whole pressure"),
    ("q4", "extra", (645.2, "hPa"), "missing"),
    ("q4", "extra", (368.96, "kPa"), "unit"),
    ("q4", "extra", (36.896, "hPa"), "power of ten"),
    ("q4", "extra", (-368.96, "hPa"), "sign"),
]


@pytest.mark.parametrize(("item", "name", "answer", "part"), BOILING)
def test_boiling_tibet_answers_each_misconception_with_its_own_message(item, name, answer, part, monkeypatch):
    monkeypatch.setenv("LABROOM_LANGUAGE", "en")
    lab = lab_module()
    folder = next(folder for folder in LABS if folder.name == "boiling-tibet")
    test = next(cell.source for cell in notebook_of(folder).cells if cell.id == item)
    with pytest.raises(lab.LabCheck) as caught:
        exec(test, {name: answer})
    assert part in str(caught.value)
    assert not re.search(r"87\.8|36[89]|\bB\b", str(caught.value))


@pytest.mark.parametrize("folder", [f for f in LABS if f.name == "boiling-tibet"], ids=lambda f: f.name)
def test_boiling_tibet_data_hold_known_values(folder, monkeypatch):
    monkeypatch.chdir(folder)
    lab = lab_module()
    water, air = lab.data("saturation"), lab.data("atmosphere")
    at_100 = water["pressure_hPa"][list(water["temperature_C"]).index(100.0)]
    assert at_100 == pytest.approx(1014.18, abs=0.01)  # IAPWS-95 release, table of saturation values
    assert air["pressure_hPa"][list(air["altitude_m"]).index(5000)] == pytest.approx(
        540.48, abs=0.01
    )  # ISO 2533
    assert lab.data("forbes")["boiling_F"][11] == 204.6
    assert lab.data("places")["altitude_m"][-1] == 8848.86


@pytest.mark.slow
def test_form_and_sliders_answer_to_their_widgets_in_a_real_kernel(tmp_path):
    """Clicks and drags as a front end sends them: set values, call the button."""
    copy_of(LABS[0], tmp_path / "lab")
    script = """
import ipywidgets as w, json, lab, pathlib, time
from ipywidgets.widgets.widget import _instances
kinds = lambda kind: [each for each in _instances.values() if type(each) is kind]
lab.predict("kettle", "How hot?", ["100", "88"])
button, choices, why = kinds(w.Button)[0], kinds(w.RadioButtons)[0], kinds(w.Textarea)[0]
button.click(); assert lab.prediction("kettle") is None
choices.value = 2; button.click(); assert lab.prediction("kettle") is None   # a reason is asked for
why.value = "less air"; button.click()
assert lab.prediction("kettle")["text"] == "88" and button.disabled and choices.disabled
def draw(fig, x):
    fig.subplots().plot([0, x]); return f"x is {x:.1f} m"
slider = lab.slider("height", "m", 0, 10, 2, 0.5, symbol="h")
assert slider.description == "h height (m)"
lab.explore(draw, slider, alt="A line.", after="kettle")
live = lambda: [each.value for each in kinds(w.HTML) if "aria-live" in each.value and "x is" in each.value]
picture = lambda: [each.value for each in kinds(w.HTML) if "<img" in each.value][0]
assert "x is 2.0 m" in live()[0] and 'aria-live="polite"' in live()[0]
before = picture(); slider.value = 7.5
assert "x is 7.5 m" in live()[0] and picture() != before and "A line. x is 7.5 m" in picture()
[each for each in kinds(w.Button) if each.icon == "undo"][0].click()
assert slider.value == 2.0 and picture() == before
print("all answered")
"""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(script)])
    nbformat.write(notebook, tmp_path / "lab" / "drive.ipynb")
    command = [sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute", "--stdout", "drive.ipynb"]
    environment = {**os.environ, "LABROOM_LANGUAGE": "en"}
    done = subprocess.run(
        command, cwd=tmp_path / "lab", env=environment, capture_output=True, text=True, timeout=120
    )
    assert "all answered" in done.stdout, done.stderr[-2000:]
