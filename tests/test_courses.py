# SPDX-License-Identifier: BSD-3-Clause
"""courses.toml: what it may say, and what it answers when it says nonsense."""

from pathlib import Path

import pytest

from labroom.hub_config.courses import CoursesError, read_season

ROOT = Path(__file__).resolve().parent.parent
GOOD = """
[season]
title = {zh = "夏", en = "Summer"}
[[course]]
id = "c1"
title = {zh = "一", en = "One"}
authors = ["chen"]
learners = ["wang"]
due.lab = 2027-08-31T23:59:59+08:00
[[course]]
id = "c2"
title = {zh = "二", en = "Two"}
authors = ["wang"]
learners = ["*"]
"""


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "courses.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_the_season_in_the_repository_can_be_read_and_its_labs_are_there() -> None:
    season = read_season(ROOT / "courses" / "courses.toml")
    assert [c.labs for c in season.courses] == [("boiling-tibet",), ("weighing-earth",)]
    assert all(set(c.due) == set(c.labs) for c in season.courses)


def test_groups_follow_from_names(tmp_path: Path) -> None:
    season = read_season(written(tmp_path, GOOD))
    assert season.groups_of("wang") == ["nbgrader-c1", "formgrade-c2"]
    assert season.groups_of("chen") == ["formgrade-c1", "nbgrader-c2"]
    assert season.groups_of("li") == ["nbgrader-c2"]
    assert season.groups_of("grader-c1") == ["formgrade-c1"]
    assert season.is_author("wang")
    assert not season.is_author("li")


def test_due_dates_are_kept_in_utc(tmp_path: Path) -> None:
    due = read_season(written(tmp_path, GOOD)).course("c1").due["lab"]
    assert due.isoformat() == "2027-08-31T15:59:59+00:00"


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ('id = "c1"', 'id = "../c1"', "course id '../c1'"),
        ('id = "c1"', 'id = "c+1"', "course id 'c+1'"),
        ('id = "c1"', "id = 7", "course id 7"),
        ('id = "c2"', 'id = "c1"', "stands twice"),
        ('authors = ["chen"]', 'authors = "chen"', "authors must be a list"),
        ('authors = ["chen"]', 'authors = ["grader-c1"]', "grader-c1"),
        ('authors = ["chen"]', 'authors = ["*"]', "'*' is no sign-in name"),
        ('learners = ["wang"]', 'learners = ["../wang"]', "no sign-in name"),
        ("2027-08-31T23:59:59+08:00", "2027-08-31T23:59:59", "date, time and zone"),
        ("2027-08-31T23:59:59+08:00", '"soon"', "date, time and zone"),
        ('{zh = "夏", en = "Summer"}', '"Summer"', "both languages"),
        ("[season]", 'x = "', "not valid TOML"),
        ("[season]\ntitle", '[season]\nlanguage = "fr"\ntitle', "'zh' or 'en'"),
    ],
)
def test_nonsense_gets_a_message_that_names_it(tmp_path: Path, before: str, after: str, says: str) -> None:
    assert before in GOOD
    with pytest.raises(CoursesError) as error:
        read_season(written(tmp_path, GOOD.replace(before, after, 1)))
    assert says in str(error.value)
    assert "courses.toml" in str(error.value)


@pytest.mark.parametrize("text", [b"", b"\xff\xfe\x00", b"[season]\ntitle = {zh='a', en='b'}\n"])
def test_empty_binary_and_courseless_files_are_refused(tmp_path: Path, text: bytes) -> None:
    with pytest.raises(CoursesError):
        read_season(written(tmp_path, text))


def test_a_missing_file_or_course_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CoursesError, match="--courses"):
        read_season(tmp_path / "none.toml")
    with pytest.raises(CoursesError, match="there are: c1, c2"):
        read_season(written(tmp_path, GOOD)).course("c9")
