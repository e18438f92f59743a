# SPDX-License-Identifier: BSD-3-Clause
"""A lab in a person's home: its language, how it gets there, and which paths are no lab."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import tiny_lab

from labroom.hub_config.notebook.hand_in import is_late, lab_state
from labroom.hub_config.notebook.lab_folder import (
    LabFolder,
    LabProblem,
    lab_at,
    named_lab,
    read_json,
    write_json,
)
from labroom.hub_config.notebook.language import change_language, in_language, language_of, set_lab_locale
from labroom.hub_config.notebook.open_lab import open_lab


def ids(notebook: dict) -> list[str]:
    return [cell["id"] for cell in notebook["cells"]]


# ---- language


def test_a_persons_copy_holds_the_text_of_her_language_and_all_that_is_shared():
    zh, en = (in_language(tiny_lab.released(), code) for code in ("zh", "en"))
    assert "engage-zh" in ids(zh)
    assert "engage-en" not in ids(zh)
    shared = [name for name in ids(tiny_lab.released()) if not name.endswith(("-zh", "-en"))]
    assert [n for n in ids(zh) if n in shared] == shared == [n for n in ids(en) if n in shared]
    assert language_of(zh) == "zh"


def test_changing_the_language_keeps_every_answer_and_goes_back_to_the_same_notebook():
    released = tiny_lab.released()
    mine = tiny_lab.answered(in_language(released, "zh"), {**tiny_lab.SOLUTIONS, "free": "因为数过了。"})
    english = change_language(mine, released, "en")
    assert ids(english) == ids(in_language(released, "en"))
    assert [c for c in english["cells"] if c["id"] in tiny_lab.SOLUTIONS] == [
        c for c in mine["cells"] if c["id"] in tiny_lab.SOLUTIONS
    ]
    assert change_language(english, released, "zh") == mine


def test_changing_the_language_keeps_cells_that_the_person_added_edited_moved_or_removed():
    released = tiny_lab.released()
    mine = in_language(released, "zh")
    cells = {cell["id"]: cell for cell in mine["cells"]}
    cells["engage-zh"]["source"] += "\n\n我的笔记"
    note = tiny_lab.markdown("note", "课上要问的问题")
    mine["cells"] = [cells["engage-zh"], note, cells["task-zh"], cells["answer-q1"], cells["setup"]]
    english = change_language(mine, released, "en")
    assert ids(english) == ["engage-zh", "engage-en", "note", "task-en", "answer-q1", "setup"]
    assert english["cells"][0]["source"].endswith("我的笔记")


def test_menu_language_is_set_without_touching_other_settings(tmp_path: Path):
    setting = tmp_path / "@jupyterlab/translation-extension/plugin.jupyterlab-settings"
    setting.parent.mkdir(parents=True)
    setting.write_text('{"other": 1}')
    set_lab_locale(tmp_path, "zh")
    assert json.loads(setting.read_text()) == {"other": 1, "locale": "zh_CN"}


# ---- folders


@pytest.fixture
def lab(tmp_path: Path) -> LabFolder:
    """A fetched lab in a home."""
    found = LabFolder(tmp_path / "home", "science", "tiny")
    tiny_lab.write_release(found.path)
    tiny_lab.write_release(found.kept)
    return found


def test_a_lab_is_found_by_its_notebook_and_by_its_folder(lab: LabFolder):
    home = lab.home.resolve()
    assert lab_at(home, home, "science/tiny/tiny.ipynb").notebook == home / "science/tiny/tiny.ipynb"
    assert lab_at(home, home, "/science/tiny/").lab == "tiny"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "..",
        "../other/science/tiny/tiny.ipynb",
        "science/tiny/../../../other/tiny.ipynb",
        "science/tiny/notes.ipynb",
        "science/out/tiny.ipynb",
        "science/link/link.ipynb",
        "science",
        "/etc/passwd",
        "science/tiny/tiny.ipynb\0",
        "science/ti ny/tiny.ipynb",
    ],
)
def test_what_is_no_lab_of_this_home_is_refused(lab: LabFolder, path: str):
    other = tiny_lab.write_release(lab.home.parent / "other/science/tiny")
    (lab.home / "science/link").symlink_to(other)
    with pytest.raises(LabProblem) as refused:
        lab_at(lab.home, lab.home, path)
    assert refused.value.status == 404
    assert set(refused.value.message) == {"zh", "en"}


@pytest.mark.parametrize("course", ["..", "a/b", "", ".hidden", "x" * 65, "课"])
def test_impossible_course_names_are_refused(tmp_path: Path, course: str):
    with pytest.raises(LabProblem, match="bad-name"):
        named_lab(tmp_path, course, "tiny")


class Shelf:
    """A folder of released labs in the exchange's place: fetches by copying, and can fail in the middle."""

    def __init__(self, *, breaks: bool = False) -> None:
        self.breaks, self.fetched, self.sha256 = breaks, 0, "1" * 64

    def assignments(self, course: str) -> list[dict]:
        return [{"assignment": "tiny", "sha256": self.sha256, "title": tiny_lab.CARD["title"], "due": None}]

    def fetch(self, course: str, assignment: str, into: Path) -> None:
        self.fetched += 1
        tiny_lab.write_release(into)
        if self.breaks:
            raise ConnectionError("the network went away")

    def submissions(self, course: str, assignment: str) -> list[dict]:
        return [{"id": "s1", "attempt": 1, "timestamp": "2027-08-01T00:00:00Z", "counts": True}]


def test_opening_fetches_once_and_never_touches_work_again(tmp_path: Path):
    shelf, lab = Shelf(), LabFolder(tmp_path, "science", "tiny")
    assert open_lab(lab, "zh", shelf).first
    mine = tiny_lab.answered(read_json(lab.notebook), tiny_lab.SOLUTIONS)
    write_json(lab.notebook, mine)
    before = lab.notebook.read_bytes()
    assert not open_lab(lab, "zh", shelf).first
    assert lab.notebook.read_bytes() == before
    assert shelf.fetched == 1
    open_lab(lab, "en", None)
    assert language_of(read_json(lab.notebook)) == "en"
    assert read_json(lab.path / "lab.json")["language"] == "en"
    open_lab(lab, "zh", None)
    assert read_json(lab.notebook) == mine


def test_a_fetch_that_breaks_off_leaves_nothing_and_can_be_repeated(tmp_path: Path):
    lab = LabFolder(tmp_path, "science", "tiny")
    with pytest.raises(ConnectionError):
        open_lab(lab, "zh", Shelf(breaks=True))
    assert not lab.path.exists()
    assert [p.name for p in (tmp_path / "science").iterdir()] == []
    assert open_lab(lab, "zh", Shelf()).first


def test_a_folder_that_the_person_made_herself_is_not_overwritten(tmp_path: Path):
    lab = LabFolder(tmp_path, "science", "tiny")
    lab.path.mkdir(parents=True)
    (lab.path / "mine.txt").write_text("mine")
    with pytest.raises(LabProblem, match="no-notebook"):
        open_lab(lab, "zh", Shelf())
    assert [p.name for p in lab.path.iterdir()] == ["mine.txt"]


def test_a_newer_release_is_told_and_changes_nothing(tmp_path: Path):
    shelf, lab = Shelf(), LabFolder(tmp_path, "science", "tiny")
    open_lab(lab, "zh", shelf)
    before = lab.notebook.read_bytes()
    assert not lab_state(lab, shelf)["newer"]
    shelf.sha256 = "2" * 64
    open_lab(lab, "zh", shelf)
    state = lab_state(lab, shelf)
    assert state["newer"]
    assert [attempt["attempt"] for attempt in state["attempts"]] == [1]
    assert lab.notebook.read_bytes() == before
    assert lab_state(lab, None)["title"] == tiny_lab.CARD["title"]


def test_lateness_reads_any_zone():
    now = datetime(2027, 8, 31, 16, 0, 1, tzinfo=UTC)
    assert is_late("2027-09-01T00:00:00+08:00", now)
    assert not is_late("2027-08-31T16:00:02", now)
    assert not is_late(None, now)
