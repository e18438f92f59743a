# SPDX-License-Identifier: BSD-3-Clause
"""From courses.toml to hub settings: appended to what is there, and learners get no more than they need."""

from pathlib import Path

import pytest
from traitlets.config import Config

from labroom.hub_config import classroom
from labroom.hub_config.courses import CoursesError, Season, read_season

SEASON = """
[season]
title = {zh = "试", en = "Trial"}
[[course]]
id = "physics"
title = {zh = "物理", en = "Physics"}
authors = ["chen"]
learners = ["*"]
"""


@pytest.fixture
def season(tmp_path: Path) -> Season:
    path = tmp_path / "courses.toml"
    path.write_text(SEASON)
    return read_season(path)


def role(c: Config, name: str) -> dict[str, list[str]]:
    """The one role of this name."""
    (found,) = [entry for entry in c.JupyterHub.load_roles if entry["name"] == name]
    return found


def test_authors_may_open_the_grader_server_of_their_course_only(season: Season) -> None:
    c = Config()
    classroom.use_people(c, season)
    author = role(c, "author-physics")
    assert author["groups"] == ["formgrade-physics"]
    assert all(scope.endswith("!user=grader-physics") for scope in author["scopes"])


def test_grader_users_are_made_by_being_named_in_a_role(season: Season) -> None:
    c = Config()
    classroom.use_people(c, season)
    assert role(c, "course-graders")["users"] == ["grader-physics"]


def test_nobody_gets_to_read_services_or_inherit(season: Season) -> None:
    c = Config()
    classroom.use_people(c, season)
    classroom.use_portal_service(c, {"url": "http://127.0.0.1:1"})
    given = [scope for entry in c.JupyterHub.load_roles for scope in entry["scopes"]]
    given += c.Spawner.server_token_scopes
    given += [scope for entry in c.JupyterHub.services for scope in entry["oauth_client_allowed_scopes"]]
    assert not {"read:services", "list:services", "inherit", "admin:users", "access:servers"} & set(given)


def test_appends_to_roles_and_services_that_are_there(season: Season) -> None:
    c = Config()
    c.JupyterHub.load_roles = [{"name": "user", "scopes": ["self", "shares!user"]}]
    c.JupyterHub.services = [{"name": "exchange", "url": "http://elsewhere:80"}]
    classroom.use_people(c, season)
    classroom.use_exchange_service(c, {"url": "http://127.0.0.1:1", "command": ["x"]})
    assert role(c, "user")["scopes"][:2] == ["self", "shares!user"]
    assert "access:services!service=exchange" in role(c, "user")["scopes"]
    assert c.JupyterHub.services[0]["url"] == "http://elsewhere:80"
    assert len(c.JupyterHub.services) == 1


def test_twice_is_the_same_as_once(season: Season) -> None:
    once, twice = Config(), Config()
    for c, times in ((once, 1), (twice, 2)):
        for _ in range(times):
            classroom.use_people(c, season)
            classroom.use_operator(c, "t")
            classroom.use_culling(c)
    assert once == twice


def test_no_confirmation_page_for_the_hubs_own_parts(season: Season) -> None:
    for portal_first in (True, False):
        c = Config()
        c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 5}
        if portal_first:
            classroom.use_portal_service(c, {"url": "http://127.0.0.1:1"})
        classroom.use_people(c, season)
        if not portal_first:
            classroom.use_portal_service(c, {"url": "http://127.0.0.1:1"})
        assert c.JupyterHub.tornado_settings == {
            "slow_spawn_timeout": 5,
            "oauth_no_confirm_list": {"service-portal", "jupyterhub-user-grader-physics"},
        }


def test_patience_for_a_class_that_arrives_at_once() -> None:
    c = Config()
    classroom.use_patience(c, cores=2)
    assert c.Spawner.http_timeout >= 120
    assert c.Spawner.start_timeout >= 120


@pytest.mark.parametrize(("line", "value"), [("", False), ("[hub]\nassignment_list = true", True)])
def test_assignment_list_is_off_unless_switched_on(tmp_path: Path, line: str, value: bool) -> None:
    path = tmp_path / "courses.toml"
    path.write_text(f"{line}\n{SEASON}")
    assert read_season(path).assignment_list is value


def test_assignment_list_that_is_no_switch_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "courses.toml"
    path.write_text(f"[hub]\nassignment_list = 'yes'\n{SEASON}")
    with pytest.raises(CoursesError, match="true or false"):
        read_season(path)
