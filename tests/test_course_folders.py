# SPDX-License-Identifier: BSD-3-Clause
"""Sources go from the repository to the hub, never over what an author changed there: the five cases."""

import stat
from pathlib import Path

import pytest

from labroom.hub_config.courses import Course, CoursesError, read_season
from labroom.hub_config.data_folder import DataFolder
from labroom.hub_config.embedded.course_folders import prepare_course_folder

SEASON = """
[season]
title = {zh = "试", en = "Trial"}
[[course]]
id = "physics"
title = {zh = "物理", en = "Physics"}
"""


class Place:
    """A repository course and its folder on the hub."""

    def __init__(self, folder: Path) -> None:
        (folder / "physics" / "source" / "lab").mkdir(parents=True)
        (folder / "courses.toml").write_text(SEASON)
        self.data = DataFolder(folder / "data").ensure()
        self.course: Course = read_season(folder / "courses.toml").course("physics")
        self.here = folder / "physics" / "source" / "lab" / "a.txt"
        self.there = self.data.course("physics") / "source" / "lab" / "a.txt"
        self.here.write_text("one")

    def sync(self) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """Bring it over; (written, removed, conflicts)."""
        done = prepare_course_folder(self.course, self.data)
        return done.written, done.removed, done.conflicts


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    assert made.sync() == (("lab/a.txt",), (), ())
    assert made.there.read_text() == "one"
    return made


def test_nothing_to_do_the_second_time(place: Place) -> None:
    assert place.sync() == ((), (), ())


def test_change_in_the_repository_arrives(place: Place) -> None:
    place.here.write_text("two")
    assert place.sync() == (("lab/a.txt",), (), ())
    assert place.there.read_text() == "two"


def test_change_on_the_hub_stays(place: Place) -> None:
    place.there.write_text("author's")
    assert place.sync() == ((), (), ())
    assert place.there.read_text() == "author's"


def test_change_on_both_sides_keeps_the_hubs_and_is_reported_until_settled(place: Place) -> None:
    place.there.write_text("author's")
    place.here.write_text("two")
    for _ in range(2):
        assert place.sync() == ((), (), ("lab/a.txt",))
        assert place.there.read_text() == "author's"
    place.there.write_text("two")
    assert place.sync() == ((), (), ())
    place.here.write_text("three")
    assert place.sync() == (("lab/a.txt",), (), ())


def test_removed_in_the_repository_goes_unless_changed_on_the_hub(place: Place) -> None:
    other = place.here.with_name("b.txt")
    other.write_text("b")
    place.sync()
    place.there.write_text("author's")
    place.here.unlink()
    other.unlink()
    assert place.sync() == ((), ("lab/b.txt",), ())
    assert place.there.read_text() == "author's"


def test_deleted_on_the_hub_comes_back(place: Place) -> None:
    place.there.unlink()
    assert place.sync() == (("lab/a.txt",), (), ())


def test_links_to_shared_files_arrive_as_files(place: Place) -> None:
    shared = place.here.parents[3] / "lab.py"
    shared.write_text("x = 1")
    place.here.with_name("lab.py").symlink_to(shared)
    place.sync()
    copied = place.there.with_name("lab.py")
    assert copied.read_text() == "x = 1"
    assert not copied.is_symlink()


def test_link_put_on_the_hub_is_not_written_through(place: Place) -> None:
    outside = place.here.parents[3] / "outside"
    outside.mkdir()
    place.there.unlink()
    place.there.parent.rmdir()
    place.there.parent.symlink_to(outside)
    place.here.write_text("two")
    with pytest.raises(CoursesError, match="leads out"):
        place.sync()
    assert list(outside.iterdir()) == []


def test_a_link_in_the_place_of_a_folder_is_refused(place: Place) -> None:
    elsewhere = place.data.root / "elsewhere"
    elsewhere.mkdir()
    source = place.data.course("physics") / "source"
    source.rename(place.data.root / "before")
    source.symlink_to(elsewhere)
    with pytest.raises(CoursesError, match="is a link"):
        place.sync()
    assert list(elsewhere.iterdir()) == []


def test_folder_is_an_nbgrader_course_for_its_owner_only(place: Place) -> None:
    root = place.data.course("physics")
    assert stat.S_IMODE(root.stat().st_mode) == 0o700
    text = (root / "nbgrader_config.py").read_text()
    for words in (repr(str(root)), "'physics'", "use_exchange(c)", "labroom.autograder.use(c)"):
        assert words in text
