# SPDX-License-Identifier: BSD-3-Clause
"""From the hub's release to the score on the exchange, with a real hub and real hand-ins."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from grading_course import LAB, answer, labroom, make_course
from hub_story import Hub, running_hub

from labroom.hub_config.embedded.operator import find_operator, grader_exchange
from labroom.hub_config.exchange.client import Exchange

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("hub")]
RIGHT = "boiling = 100\n\n\ndef double(number):\n    return 2 * number\n\n\nshare = 1.0\n"
SEASON = """
[season]
title = {zh = "试", en = "Trial"}
[[course]]
id = "tiny"
title = {zh = "小", en = "Tiny"}
authors = ["chen"]
learners = ["*"]
[course.due]
warm-up = 2020-08-31T23:59:59+08:00
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub with the tiny course, whose lab was due long ago."""
    folder = tmp_path_factory.mktemp("grade-hub")
    make_course(folder / "courses" / "tiny")
    (folder / "courses" / "courses.toml").write_text(SEASON)
    with running_hub(folder) as running:
        yield running


def exchange_of(hub: Hub, name: str) -> Exchange:
    """A learner's own way to the exchange."""
    with hub.signed_in(name):
        operator = find_operator(hub.data)
    return Exchange(operator.exchange, operator.token_for(name))


def test_hand_in_is_graded_and_feedback_comes_back(hub: Hub, tmp_path: Path) -> None:
    with grader_exchange(hub.data, "tiny") as grader:
        about = grader.assignments("tiny")[0]
    assert about["title"] == {"zh": "热身", "en": "Warm-up"}
    with exchange_of(hub, "li") as li:
        folder = li.fetch("tiny", LAB, tmp_path / "li")
        answer(folder, "boiling = 90")
        li.submit("tiny", LAB, folder)
        answer(folder, RIGHT)
        (folder / "timestamp.txt").write_text("1999-01-01 00:00:00 UTC")
        row = li.submit("tiny", LAB, folder)
        with exchange_of(hub, "wu") as wu:
            other = wu.fetch("tiny", LAB, tmp_path / "wu")
            (other / f"{LAB}.ipynb").write_text("not a notebook")
            wu.submit("tiny", LAB, other)
            report = json.loads(labroom("grade", "tiny", "--data", hub.data.root, "--json", "-").stdout)
            assert wu.submissions("tiny", LAB)[0]["feedback"]["score"] is None
        outcomes = {outcome["learner"]: outcome for outcome in report["outcomes"]}
        assert (report["in"], report["graded"], report["named"]) == (2, 1, 1)
        assert outcomes["li"]["attempt"] == row["id"]
        assert outcomes["li"]["late_seconds"] > 0
        assert outcomes["li"]["score"] == 7.0
        rows = {item["attempt"]: item for item in li.submissions("tiny", LAB)}
        assert rows[1]["feedback"] is None
        assert rows[2]["feedback"]["score"] == 7.0
        page = li.fetch_feedback("tiny", row["id"], tmp_path / "feedback")
        assert {path.name for path in page.iterdir()} == {f"{LAB}.html", "score.json"}
    again = json.loads(labroom("grade", "tiny", LAB, "--data", hub.data.root, "--json", "-").stdout)
    assert [outcome["score"] for outcome in again["outcomes"]] == [7.0, None]


def test_formgraders_own_buttons_grade_confined_and_release_feedback(hub: Hub, tmp_path: Path) -> None:
    attack = RIGHT + f"open({str(hub.data.course('tiny') / 'gradebook.db')!r}).read()\n"
    with exchange_of(hub, "zhao") as zhao:
        folder = zhao.fetch("tiny", LAB, tmp_path / "zhao")
        answer(folder, attack)
        row = zhao.submit("tiny", LAB, folder)
        with hub.signed_in("chen", author=True) as chen:
            chen.start_server("grader-tiny")
            for call in (
                f"assignment/{LAB}/collect",
                f"submission/{LAB}/zhao/autograde",
                f"assignment/{LAB}/zhao/generate_feedback",
                f"assignment/{LAB}/zhao/release_feedback",
            ):
                answered = chen.server_call("POST", f"formgrader/api/{call}", server="grader-tiny")
                told = answered.json()
                assert told["success"], f"{call}: {told.get('log')} {told.get('error')}"
            chen.stop_server("grader-tiny")
        feedback = zhao.submissions("tiny", LAB)[0]["feedback"]
        assert (feedback["score"], feedback["max_score"]) == (7.0, 12.0)
        page = (zhao.fetch_feedback("tiny", row["id"], tmp_path / "page") / f"{LAB}.html").read_text()
        assert "PermissionError" in page


def test_a_changed_lab_is_published_again_and_an_unchanged_one_is_not(hub: Hub, tmp_path: Path) -> None:
    arguments = ("--publish", "--json", "--data", hub.data.root, "--courses", hub.courses)
    source = hub.courses.parent / "tiny"
    done = json.loads(labroom("release", source, LAB, *arguments).stdout)
    assert [made["action"] for made in done] == ["unchanged"]
    (source / "source" / LAB / "data" / "more.csv").write_text("1\n")
    done = json.loads(labroom("release", source, LAB, *arguments).stdout)
    assert [made["action"] for made in done] == ["published"]
    with exchange_of(hub, "sun") as sun:
        assert (sun.fetch("tiny", LAB, tmp_path / "sun") / "data" / "more.csv").exists()


def test_a_leaking_lab_is_not_published(hub: Hub, tmp_path: Path) -> None:
    source = hub.courses.parent / "tiny"
    path = source / "source" / LAB / "data" / "answers.txt"
    path.write_text("return number + number + 0 * len('solution two')")
    done = labroom(
        "release", source, "--publish", "--data", hub.data.root, "--courses", hub.courses, check=False
    )
    path.unlink()
    assert done.returncode == 1
    assert "answers.txt" in done.stdout
    with exchange_of(hub, "zhou") as zhou:
        assert not (zhou.fetch("tiny", LAB, tmp_path / "zhou") / "data" / "answers.txt").exists()


@pytest.mark.parametrize("place", ["submitted/li", ".labroom/collected", "gradebook.db"])
def test_a_link_in_a_course_on_the_hub_is_not_followed(tmp_path: Path, place: str) -> None:
    course = make_course(tmp_path / "data" / "courses" / "tiny")
    (course / place).parent.mkdir(exist_ok=True)
    (course / place).symlink_to(tmp_path / "other")
    done = labroom("grade", "tiny", "--data", tmp_path / "data", check=False)
    assert done.returncode == 1
    assert "is a link" in done.stderr
    assert not (tmp_path / "other").exists()


def test_grading_without_a_hub_says_how_to_start_it(tmp_path: Path) -> None:
    shutil.copytree(make_course(tmp_path / "plain"), tmp_path / "data" / "courses" / "tiny")
    done = labroom("grade", "tiny", "--data", tmp_path / "data", check=False)
    assert done.returncode == 1
    assert "labroom hub" in done.stderr
