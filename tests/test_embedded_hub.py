# SPDX-License-Identifier: BSD-3-Clause
"""The hub on one machine: sign-in, servers, graders, one hub at a time, and nothing left when it ends."""

import json
import os
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from hub_story import (
    AUTHOR_PASSWORD,
    CLASS_PASSWORD,
    Hub,
    hub_command,
    running_hub,
    wait_for,
)

from labroom.autograder.confine import landlock_abi, level_of
from labroom.hub_config.embedded.launch import free_ports
from labroom.hub_config.embedded.operator import HubNotRunning, find_operator
from labroom.hub_config.hub_client import SignInRefused

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(level_of(landlock_abi()) == "none", reason="this kernel has no Landlock"),
]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """One hub for the tests that leave it as it is."""
    with running_hub(tmp_path_factory.mktemp("hub")) as running:
        yield running


def started(data: Path, courses: Path, port: int, *options: str) -> "subprocess.CompletedProcess[str]":
    """A start that is to be refused, with what it says."""
    command = hub_command(data, courses, port, *options)
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_says_in_plain_lines_where_to_click_and_how_to_stop(hub: Hub) -> None:
    printed = hub.printed()
    for words in (f"{hub.url}/", CLASS_PASSWORD, AUTHOR_PASSWORD, "Ctrl-C", "Confinement: "):
        assert words in printed


def test_keeps_its_secrets_to_itself(hub: Hub) -> None:
    for folder in (hub.data.root, hub.data.hub, hub.data.exchange, hub.data.courses, hub.data.homes):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for name in ("operator.json", "passwords.json", "settings.json", "cookie_secret", "log"):
        assert stat.S_IMODE((hub.data.hub / name).stat().st_mode) == 0o600
    written = "".join(
        (hub.data.hub / name).read_text() for name in ("passwords.json", "settings.json", "log")
    )
    assert CLASS_PASSWORD not in written
    assert AUTHOR_PASSWORD not in written


def test_teacher_signs_in_and_runs_a_cell(hub: Hub) -> None:
    with hub.signed_in("li") as li:
        record = li.hub_api("GET", "/user").json()
        assert record["groups"] == ["nbgrader-physics", "nbgrader-chemistry"]
        assert not record["admin"]
        li.start_server()
        outcome = li.run(
            "import os, numpy, ipywidgets, matplotlib.pyplot as plt\n"
            "plt.plot(numpy.arange(9.0)); plt.savefig('plot.png')\n"
            "print(os.environ['LABROOM_EXCHANGE_URL'], os.path.getsize('plot.png') > 1000, os.getcwd())"
        )
        assert outcome.error is None, outcome
        exchange, drawn, folder = outcome.text.split()
        assert exchange == f"{hub.url}/services/exchange"
        assert drawn == "True"
        assert folder == str(hub.data.homes / "li")
        assert stat.S_IMODE((hub.data.homes / "li").stat().st_mode) == 0o700


def test_server_token_can_do_little(hub: Hub) -> None:
    code = (
        "import os, urllib.request, json\n"
        "ask = urllib.request.Request(os.environ['JUPYTERHUB_API_URL'] + '/user',\n"
        "    headers={'Authorization': 'token ' + os.environ['JUPYTERHUB_API_TOKEN']})\n"
        "print(json.dumps(json.load(urllib.request.urlopen(ask))))"
    )
    with hub.signed_in("li") as li:
        li.start_server()
        record = json.loads(li.run(code).text)
    assert record["groups"] == ["nbgrader-physics", "nbgrader-chemistry"]
    assert {scope.split("!")[0] for scope in record["scopes"]} == {
        "access:services",
        "access:servers",
        "read:users:activity",
        "read:users:groups",
        "read:users:name",
        "users:activity",
    }
    assert all("!" in scope for scope in record["scopes"])


def test_learner_has_no_grading_tools_and_no_news(hub: Hub) -> None:
    with hub.signed_in("li") as li:
        li.start_server()
        page = li.client.get("/user/li/lab").text
        raw = page.split('id="jupyter-config-data"')[1].split(">", 1)[1].split("</script>")[0]
        assert "@jupyter/nbgrader" in json.loads(raw)["disabledExtensions"]
        for path in ("formgrader", "assignments", "courses", "api/terminals"):
            assert li.server_call("GET", path).status_code == httpx.codes.NOT_FOUND
        plugin = "lab/api/settings/@jupyterlab/apputils-extension:notification"
        schema = li.server_call("GET", plugin).json()["schema"]["properties"]
        assert schema["fetchNews"]["default"] == "false"


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("li", "wrong"),
        ("li", ""),
        ("li", AUTHOR_PASSWORD),
        ("chen", CLASS_PASSWORD),
        ("grader-physics", AUTHOR_PASSWORD),
        ("Grader-physics", CLASS_PASSWORD),
        ("", CLASS_PASSWORD),
        ("../chen", CLASS_PASSWORD),
        ("a/b", CLASS_PASSWORD),
        ("王", CLASS_PASSWORD),
        ("x" * 65, CLASS_PASSWORD),
    ],
)
def test_wrong_name_or_password_is_refused(hub: Hub, name: str, password: str) -> None:
    with hub.person(name) as person, pytest.raises(SignInRefused):
        person.sign_in(password)


def test_capital_letters_and_blanks_in_a_name_do_no_harm(hub: Hub) -> None:
    with hub.person(" Li ") as person:
        person.sign_in(CLASS_PASSWORD)
        assert person.hub_api("GET", "/user").json()["name"] == "li"


def test_many_wrong_passwords_have_to_wait(hub: Hub) -> None:
    with hub.person("guesser") as person:
        for _ in range(8):
            with pytest.raises(SignInRefused, match="403"):
                person.sign_in("guess")
        with pytest.raises(SignInRefused, match="429"):
            person.sign_in(CLASS_PASSWORD)
    with hub.signed_in("neighbour") as other:
        assert other.hub_api("GET", "/user").status_code == httpx.codes.OK


def test_author_opens_the_grader_of_the_own_course_only(hub: Hub) -> None:
    with hub.signed_in("chen", author=True) as chen:
        assert chen.hub_api("GET", "/user").json()["groups"] == ["formgrade-physics", "nbgrader-chemistry"]
        chen.start_server("grader-physics")
        page = chen.client.get("/user/grader-physics/formgrader")
        assert page.status_code == httpx.codes.OK
        assert page.url.path.startswith("/user/grader-physics/formgrader")
        outcome = chen.run("import os; print(os.getcwd())", server="grader-physics")
        assert outcome.text.strip() == str(hub.data.course("physics"))
        assert chen.client.get("/hub/spawn/grader-chemistry").status_code == httpx.codes.NOT_FOUND
        with hub.signed_in("wang", author=True) as wang:
            for page_of_others in ("/hub/spawn/grader-physics", "/user/grader-physics/formgrader"):
                assert wang.client.get(page_of_others).status_code in (403, 404)
        with hub.signed_in("li") as li:
            for page_of_others in ("/hub/spawn/grader-physics", "/user/grader-physics/formgrader"):
                assert li.client.get(page_of_others).status_code in (403, 404)
            assert li.hub_api("POST", "/users/grader-physics/server").status_code in (403, 404)


def test_nobody_opens_another_persons_server(hub: Hub) -> None:
    with hub.signed_in("li") as li, hub.signed_in("zhao") as zhao:
        li.start_server()
        assert zhao.client.get("/user/li/lab").status_code in (403, 404)
        assert zhao.client.get("/user/li/api/contents").status_code in (403, 404)
        assert zhao.hub_api("DELETE", "/users/li/server").status_code in (403, 404)


def test_operator_gets_tokens_for_graders(hub: Hub) -> None:
    operator = find_operator(hub.data)
    token = operator.token_for("grader-physics")
    answer = httpx.get(
        f"{operator.hub_api}/user", headers={"Authorization": f"token {token}"}, trust_env=False
    ).json()
    assert (answer["name"], answer["groups"]) == ("grader-physics", ["formgrade-physics"])


def test_second_hub_on_the_same_data_names_the_first(hub: Hub) -> None:
    second = started(hub.data.root, hub.courses, free_ports(1)[0])
    assert second.returncode == 1
    assert str(hub.process.pid) in second.stderr
    assert "--data" in second.stderr


def test_port_in_use_is_said_before_anything_starts(tmp_path: Path, hub: Hub) -> None:
    port = int(hub.url.rsplit(":", 1)[1])
    second = started(tmp_path / "data", hub.courses, port)
    assert second.returncode == 1
    assert "--port" in second.stderr


def test_passwords_are_shown_also_when_the_hub_does_not_start(tmp_path: Path, hub: Hub) -> None:
    (tmp_path / "spoilt.py").write_text("raise RuntimeError('spoilt')\n")
    options = ["--extra-config", str(tmp_path / "spoilt.py")]
    refused = started(tmp_path / "data", hub.courses, free_ports(1)[0], *options)
    assert refused.returncode == 1
    assert "password" in refused.stdout
    assert "spoilt" in refused.stderr


def test_no_confinement_is_for_one_person_only(tmp_path: Path, hub: Hub) -> None:
    refused = started(tmp_path / "data", hub.courses, free_ports(1)[0], "--confinement", "none")
    assert refused.returncode == 1
    assert "--people" in refused.stderr
    open_to_all = ["--confinement", "none", "--people", "li", "--ip", "0.0.0.0"]
    refused = started(tmp_path / "data", hub.courses, free_ports(1)[0], *open_to_all)
    assert refused.returncode == 1
    assert "127.0.0.1" in refused.stderr


def everything(hub: Hub) -> list[psutil.Process]:
    """The launcher and all below it, while they run."""
    return [psutil.Process(hub.process.pid), *hub.descendants()]


def assert_nothing_left(hub: Hub, processes: list[psutil.Process]) -> None:
    """All ended, or end within a few seconds; the port free."""
    wait_for(lambda: not any(_runs(p) for p in processes), seconds=10, why=str(processes))
    with socket.create_server(("127.0.0.1", int(hub.url.rsplit(":", 1)[1]))):
        pass


def ignoring_interrupts(command: object) -> list[str]:
    """As a script's background job is started."""
    return ["sh", "-c", "trap '' INT; exec \"$@\"", "sh", *command]  # type: ignore[misc]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stops_within_ten_seconds_and_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    with running_hub(tmp_path, wrap=ignoring_interrupts) as hub, hub.signed_in("li") as li:
        li.start_server()
        with li.kernel() as kernel:
            kernel.run("x = 1")
            processes = everything(hub)
            assert len(processes) >= 6
            assert hub.stop(number) < 10
        assert hub.process.returncode == 0
        assert_nothing_left(hub, processes)
        assert "Stopped" in hub.printed()
        with pytest.raises(HubNotRunning, match="labroom hub"):
            find_operator(hub.data)


def test_kill_9_leaves_nothing_and_the_next_start_works(tmp_path: Path) -> None:
    for victim in ("launcher", "warden", "hub"):
        with running_hub(tmp_path) as hub, hub.signed_in("li") as li:
            li.start_server()
            if victim == "launcher":
                li.write_file("notes.txt", "kept")
            assert li.read_file("notes.txt") == "kept"
            with li.kernel() as kernel:
                kernel.run("x = 1")
                processes = everything(hub)
                os.kill(_process(hub, victim), signal.SIGKILL)
                hub.process.wait(15)
                assert_nothing_left(hub, processes)


def _process(hub: Hub, victim: str) -> int:
    if victim == "launcher":
        return hub.process.pid
    return hub.find("labroom.hub_config.embedded.warden" if victim == "warden" else "-m jupyterhub -f")


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
