# SPDX-License-Identifier: BSD-3-Clause
"""nbgrader's own commands and its Assignment List work through the exchange, behind a real hub and proxy."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import pytest
from exchange_parts import AUTHOR, COURSE, LEARNERS, Service, hub, lab_folder, service
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from labroom.hub_config.exchange.client import Exchange

pytestmark = pytest.mark.slow
LAB = "ps1"
CONFIG = """
from labroom.hub_config.exchange.nbgrader_exchange import use_exchange
c = get_config()
c.CourseDirectory.course_id = "{course}"
c.Exchange.path_includes_course = True
c.CourseDirectory.db_url = "sqlite:///gradebook.db"
c.HttpExchangeReleaseAssignment.due = {{"ps1": "2030-01-01T00:00:00+08:00"}}
use_exchange(c)
"""


@dataclass(frozen=True)
class Desk:
    """A person's folder and what their server's environment would hold."""

    home: Path
    environment: dict[str, str]

    def nbgrader(self, *words: str, code: int = 0) -> str:
        """Runs nbgrader here; what it said."""
        ended = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "nbgrader", *words],
            cwd=self.home, env=self.environment, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        said = ended.stdout + ended.stderr
        assert ended.returncode == code, said
        return said


def desk(folder: Path, name: str, exchange_url: str) -> Desk:
    folder.mkdir(parents=True)
    (folder / "nbgrader_config.py").write_text(CONFIG.format(course=COURSE))
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "LABROOM_"))}
    return Desk(
        folder,
        {
            **keep,
            "PATH": f"{Path(sys.executable).parent}:{keep['PATH']}",
            "HOME": str(folder),
            "LABROOM_EXCHANGE_URL": exchange_url,
            "JUPYTERHUB_API_TOKEN": hub().token(name),
            "JUPYTERHUB_USER": name,
        },
    )


def graded(source: str, grade_id: str, *, solution: bool, points: int = 0) -> dict[str, object]:
    about = {
        "schema_version": 3,
        "grade_id": grade_id,
        "locked": not solution,
        "solution": solution,
        "task": False,
    }
    about |= {"grade": not solution, **({} if solution else {"points": points})}
    cell: dict[str, object] = new_code_cell(source, metadata={"nbgrader": about}, id=grade_id)
    return cell


def write_source(folder: Path) -> None:
    notebook = new_notebook(
        cells=[
            new_markdown_cell("# 沸点 Boiling", id="title"),
            graded("### BEGIN SOLUTION\nanswer = 42\n### END SOLUTION", "q1", solution=True),
            graded("assert answer == 42", "test-q1", solution=False, points=3),
        ],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / "ps1.ipynb")
    (folder / "table.csv").write_text("h,t\n")


def answer(folder: Path, text: str) -> None:
    notebook = nbformat.read(folder / "ps1.ipynb", as_version=4)
    notebook.cells[1].source = text
    nbformat.write(notebook, folder / "ps1.ipynb")


def test_the_whole_nbgrader_cycle_goes_through_the_exchange(tmp_path: Path) -> None:
    url = hub().exchange_url
    author, amei, bolin = (desk(tmp_path / n, n, url) for n in (AUTHOR, "amei", "bolin"))
    write_source(author.home / "source" / LAB)
    author.nbgrader("generate_assignment", LAB)
    assert "Released as" in author.nbgrader("release_assignment", LAB)
    assert "--force" not in author.nbgrader("release_assignment", LAB, "--force")
    assert "already-released" in author.nbgrader("release_assignment", LAB, code=1)

    assert f"{COURSE} {LAB} (due 2029-12-31T16" in amei.nbgrader("list")
    for person in (amei, bolin):
        person.nbgrader("fetch_assignment", LAB)
    mine = amei.home / COURSE / LAB
    assert (mine / "ps1.ipynb").is_file()
    assert "already downloaded" in amei.nbgrader("list")
    amei.nbgrader("fetch_assignment", LAB, code=1)
    (mine / "table.csv").unlink()
    amei.nbgrader("fetch_assignment", LAB, "--replace")
    assert (mine / "table.csv").is_file()

    answer(mine, "answer = 41")
    said = amei.nbgrader("submit", LAB)
    assert "交上了：第 1 次" in said
    assert "Handed in: attempt 1" in said
    answer(mine, "answer = 42")
    # These would pass for the grader's own if they reached the feedback folder.
    (mine / "score.json").write_text('{"score": 99, "max_score": 99}')
    (mine / "timestamp.txt").write_text("1999-01-01 00:00:00 UTC")
    (mine / "extra.html").write_text("<p>full marks</p>")
    assert "attempt 2" in amei.nbgrader("submit", LAB, "--student", "bolin")
    bolin.nbgrader("submit", LAB)
    assert len(list((amei.home / "receipts" / COURSE / LAB).glob("[12]-*.json"))) == 2
    assert amei.nbgrader("list", "--cached").count("(no feedback available)") == 2
    assert author.nbgrader("list", "--inbound").count("(no feedback available)") == 3
    assert "不会被删除" in author.nbgrader("list", "--inbound", "--remove", code=1)

    assert "Processing 2 submissions" in author.nbgrader("collect", LAB)
    stamp = (author.home / "submitted" / "amei" / LAB / "timestamp.txt").read_text()
    assert (
        abs(
            (
                datetime.fromisoformat(stamp.removesuffix(" UTC") + "+00:00") - datetime.now(UTC)
            ).total_seconds()
        )
        < 300
    )
    assert not (author.home / "submitted" / "amei" / LAB / "score.json").exists()
    assert "use --update" in author.nbgrader("collect", LAB)
    assert "No newer submission" in author.nbgrader("collect", LAB, "--update")

    author.nbgrader("autograde", LAB)
    author.nbgrader("generate_feedback", LAB)
    assert author.nbgrader("release_feedback", LAB).count("Releasing feedback") == 2
    with Exchange(url, hub().token("amei")) as exchange:
        scores = [
            (r["attempt"], r["feedback"] and r["feedback"]["score"])
            for r in exchange.submissions(COURSE, LAB)
        ]
        [number] = [r["id"] for r in exchange.submissions(COURSE, LAB) if r["attempt"] == 2]
        assert exchange.score(COURSE, number)["items"][0]["state"] == "right"
    assert scores == [(1, None), (2, 3.0)]
    assert "feedback ready to be fetched" in amei.nbgrader("list", "--cached")
    amei.nbgrader("fetch_feedback", LAB)
    pages = sorted(p.relative_to(mine).as_posix() for p in mine.glob("feedback/*/*.html"))
    assert pages == [f"feedback/{stamp}/ps1.html"]
    assert "feedback already fetched" in amei.nbgrader("list", "--cached")
    author.nbgrader("list", LAB, "--remove")
    assert LAB not in bolin.nbgrader("list").replace(str(tmp_path), "")


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Service]:
    with service(tmp_path) as started:
        yield started


def test_the_assignment_list_shows_what_its_page_reads(
    running: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = desk(tmp_path / "home", "t08", running.url)
    with running.client(AUTHOR) as author, running.client("t08") as learner:
        author.release(COURSE, LAB, lab_folder(tmp_path / "lab"))
        row = learner.submit(COURSE, LAB, tmp_path / "lab")
        feedback = tmp_path / "feedback"
        feedback.mkdir()
        (feedback / "boiling-tibet.html").write_text("<p>good</p>")
        (feedback / "score.json").write_text('{"score": 1, "max_score": 2}')
        author.put_feedback(COURSE, row["id"], feedback)
        shown = ask_assignment_list(person, "list_assignments")
        assert [(a["assignment_id"], a["status"]) for a in shown] == [(LAB, "released"), (LAB, "submitted")]
        [submission] = shown[1]["submissions"]
        assert submission["has_exchange_feedback"]
        assert not submission["has_local_feedback"]
        ask_assignment_list(person, "fetch_assignment", LAB)
        ask_assignment_list(person, "fetch_feedback", LAB)
        shown = ask_assignment_list(person, "list_assignments")
        assert (shown[0]["status"], shown[0]["path"]) == ("fetched", f"{COURSE}/{LAB}")
        [submission] = shown[1]["submissions"]
        assert submission["has_local_feedback"]
        assert not submission["feedback_updated"]
        assert submission["local_feedback_path"] == f"{COURSE}/{LAB}/feedback/{submission['timestamp']}"
        (feedback / "score.json").write_text('{"score": 2, "max_score": 2}')
        author.put_feedback(COURSE, row["id"], feedback)
        [submission] = ask_assignment_list(person, "list_assignments")[1]["submissions"]
        assert submission["feedback_updated"]


def ask_assignment_list(person: Desk, method: str, *words: str) -> list[dict[str, object]]:
    """Calls what nbgrader's server extension calls when the page asks."""
    import json

    code = (
        "import json, sys\n"
        "from nbgrader.server_extensions.assignment_list.handlers import AssignmentList\n"
        "listing = AssignmentList()\n"
        f"listing.root_dir = {str(person.home)!r}\n"
        f"answer = getattr(listing, {method!r})({COURSE!r}, *sys.argv[1:])\n"
        "print('ANSWER' + json.dumps(answer))"
    )
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *words],
        cwd=person.home, env=person.environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    said = json.loads(ended.stdout.split("ANSWER", 1)[1])
    assert said["success"], said
    value: list[dict[str, object]] = said.get("value", [])
    return value


def test_collect_names_a_learner_whose_name_is_a_path_and_takes_the_others() -> None:
    from labroom.hub_config.exchange.nbgrader_exchange import PLAIN_NAME

    assert all(PLAIN_NAME.match(name) for name in [*LEARNERS, "a.b-c_d", "x@school.cn"])
    assert not any(
        PLAIN_NAME.match(name) for name in ("..", ".", "../x", "a/b", "", "-x", ".x", "a\n", "a+b", "*")
    )
