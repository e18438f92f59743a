# SPDX-License-Identifier: BSD-3-Clause
"""What goes back to a learner: no hidden test, nothing that runs or is fetched, the right language."""

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest
from grading_course import (
    HIDDEN_LINES,
    LAB,
    all_expected,
    edit_notebook,
    hand_in,
    hand_in_expected,
    labroom,
    make_course,
)
from nbconvert.exporters import HTMLExporter
from nbgrader.server_extensions.formgrader import handlers
from traitlets.config import Config

from labroom.autograder.configure import put_engine
from labroom.autograder.course import open_course
from labroom.autograder.feedback import current_outcome, write_feedback
from labroom.autograder.feedback_page import sanitised

pytestmark = pytest.mark.slow
BY_NAME = {one.name: one for one in all_expected()}
NAMES = ("honest_partly", "honest_wrong", "script_in_output", "prints_hidden_test", "not_json", "exits")


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A graded course with feedback."""
    course = make_course(tmp_path_factory.mktemp("feedback") / "tiny")
    (course / "source" / LAB / "data" / "big.csv").write_text("1\n")
    labroom("release", course, LAB)
    for name in NAMES:
        hand_in_expected(course, BY_NAME[name])
    for language in ("zh", "en"):
        with edit_notebook(hand_in(course, language, BY_NAME["honest_wrong"].code)) as nb:
            nb["metadata"]["labroom"] = {"language": language}
    with edit_notebook(hand_in(course, "lost-picture", BY_NAME["honest_wrong"].code)) as nb:
        lost = {
            "id": "lost",
            "cell_type": "markdown",
            "metadata": {},
            "source": "![我的图](attachment:mine.png)",
        }
        nb["cells"].append(lost)
    labroom("grade", "--folder", course, LAB)
    return course


class Words(HTMLParser):
    """The text that a reader of a page sees."""

    text = ""

    def handle_data(self, data: str) -> None:
        self.text += data


class Tags(HTMLParser):
    """Tag names and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes += attrs


def page(course: Path, learner: str) -> str:
    return (course / "feedback" / learner / LAB / f"{LAB}.html").read_text(encoding="utf-8")


def score(course: Path, learner: str) -> dict[str, Any]:
    path = course / "feedback" / learner / LAB / "score.json"
    raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return raw


def test_a_picture_that_is_not_there_does_not_cost_the_feedback(course: Path) -> None:
    assert "attachment:mine.png" in page(course, "lost-picture")
    assert score(course, "lost-picture")["outcome"] == "graded"


def test_feedback_that_cannot_be_written_is_named_and_does_not_stop_the_others(course: Path) -> None:
    opened = open_course(course, course / "nbgrader_config.py")
    outcome = current_outcome(opened, LAB, "honest_partly")
    path = course / "autograded" / "honest_wrong" / LAB / f"{LAB}.ipynb"
    whole = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(whole[:-100])
    try:
        failed = write_feedback(opened, replace(outcome, learner="honest_wrong"))
    finally:
        path.write_bytes(whole)
        write_feedback(opened, replace(outcome, learner="honest_wrong"))
    assert "honest_wrong" in failed.feedback_error
    assert write_feedback(opened, outcome).feedback_error == ""


def test_the_grading_page_runs_nothing_that_a_learner_wrote_or_printed() -> None:
    nasty = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    shown = nbformat.v4.new_output("display_data", {"text/html": nasty})
    script = nbformat.v4.new_output("display_data", {"application/javascript": "alert(1)"})
    cells = [
        nbformat.v4.new_markdown_cell(nasty),
        nbformat.v4.new_code_cell("1", outputs=[shown, script]),
    ]
    config = Config()
    put_engine(config)
    config.HTMLExporter.template_name = "formgrade"
    config.HTMLExporter.extra_template_basedirs = [handlers.template_path]
    names = ("assignment_id", "notebook_id", "submission_id", "base_url", "student", "last_name")
    about = {**dict.fromkeys((*names, "first_name", "notebook_path"), "x"), "index": 0, "total": 1}
    notebook = nbformat.v4.new_notebook(cells=cells)
    page, _ = HTMLExporter(config=config).from_notebook_node(notebook, resources=about)
    assert "alert(1)" not in page.replace("&lt;script&gt;alert(1)", "")
    assert "onerror" not in page.replace("&lt;img src=x onerror", "")


def test_the_heading_is_the_labs_title(course: Path) -> None:
    assert "<h1>反馈 Feedback: 热身 / Warm-up</h1>" in page(course, "honest_wrong")
    assert "<title>热身 / Warm-up</title>" in page(course, "honest_wrong")


def test_only_page_and_score_are_feedback(course: Path) -> None:
    for learner in NAMES:
        names = {path.name for path in (course / "feedback" / learner / LAB).iterdir()}
        assert names == {f"{LAB}.html", "score.json"}


@pytest.mark.parametrize("learner", NAMES)
def test_no_hidden_test_comes_back(course: Path, learner: str) -> None:
    text = page(course, learner) + json.dumps(score(course, learner), ensure_ascii=False)
    plain = text.replace("&#39;", "'").replace("&quot;", '"')
    for line in HIDDEN_LINES:
        assert line not in plain
    assert "HIDDEN TESTS" not in plain
    words = Words()
    words.feed(text)
    assert "double(21)" not in words.text
    assert "boiling == 100" not in words.text


@pytest.mark.parametrize("learner", NAMES)
def test_nothing_in_a_page_runs_or_is_fetched(course: Path, learner: str) -> None:
    seen = Tags()
    seen.feed(page(course, learner))
    assert not seen.names & {"script", "iframe", "link", "object", "embed", "form", "base", "svg"}
    for name, value in seen.attributes:
        assert not name.startswith("on")
        assert name != "src" or (value or "").startswith("data:image/")
        assert name != "style"
    assert ("http-equiv", "Content-Security-Policy") in seen.attributes


def test_what_is_harmless_in_an_output_stays(course: Path) -> None:
    assert "<b>kept</b>" in page(course, "script_in_output")


def test_a_failed_test_shows_its_authors_sentence_and_no_traceback(course: Path) -> None:
    items = {item["item"]: item for item in score(course, "honest_wrong")["items"]}
    assert items["q2"]["state"] == "wrong"
    assert items["q2"]["message"]["en"] == "再看看 double(2) Look at double(2) again"
    assert "most recent call last" not in page(course, "honest_wrong")
    assert items["q3"]["state"] == "wrong"
    assert items["why"]["state"] == "no-answer"


def test_score_record_has_the_agreed_fields(course: Path) -> None:
    record = score(course, "honest_partly")
    assert set(record) == {"score", "max_score", "needs_manual", "outcome", "items", "note"}
    assert (record["score"], record["max_score"], record["outcome"], record["note"]) == (
        3.0,
        12.0,
        "graded",
        None,
    )
    states = {item["item"]: item["state"] for item in record["items"]}
    assert states == {"q1": "right", "q2": "wrong", "q3": "partly", "why": "no-answer"}
    assert record["items"][0]["title"] == {"zh": "水的沸点", "en": "Boiling point of water"}


def test_no_score_is_not_a_zero_and_says_what_to_do(course: Path) -> None:
    record = score(course, "not_json")
    assert record["score"] is None
    assert record["outcome"] == "learner-failed"
    assert "hand in" in record["note"]["en"]
    assert "not a whole notebook" in page(course, "not_json")


def test_a_stopped_run_says_so_and_keeps_earlier_points(course: Path) -> None:
    record = score(course, "exits")
    assert record["outcome"] == "learner-failed"
    assert record["score"] == 2.0
    assert "exit" in record["note"]["en"]


def test_a_page_speaks_the_language_of_the_notebook(course: Path) -> None:
    chinese, english = page(course, "zh"), page(course, "en")
    assert "水的沸点" in chinese
    assert "Boiling point of water" not in chinese
    assert "得分" not in english
    assert 'lang="en"' in english


@pytest.mark.parametrize(
    "nasty",
    [
        "<svg onload=alert(1)><script>alert(1)</script></svg>",
        "<a href='javascript:alert(1)'>x</a>",
        "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
        "<img src='//example.org/x.png'><img src='file:///etc/passwd'><img src=x.png>",
        "<style>@import 'https://example.org/x.css'</style><p style='background:url(//e.org)'>p</p>",
        "<form action='https://example.org'><input name=q><button>go</button></form>",
        "<meta http-equiv=refresh content='0;url=https://example.org'><base href='https://example.org'>",
        "</main></body><script>alert(1)</script>",
        "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext>",
    ],
)
def test_sanitising_leaves_nothing_that_runs(nasty: str) -> None:
    clean = sanitised(nasty).lower()
    for what in (
        "<script",
        "onload",
        "onerror",
        "javascript:",
        "data:text",
        "example.org",
        "url(",
        "<form",
        "<meta",
    ):
        assert what not in clean
