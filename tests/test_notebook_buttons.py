# SPDX-License-Identifier: BSD-3-Clause
"""Check my work, and the four addresses of a person's server, with a real server and real kernels."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from socket import socket

import httpx
import psutil
import pytest
import tiny_lab

from labroom.hub_config.notebook.lab_folder import (
    LabFolder,
    read_json,
    write_json,
)
from labroom.hub_config.notebook.language import language_of
from labroom.hub_config.notebook.run_check import run_check

pytestmark = pytest.mark.xdist_group("notebook-server")


@pytest.fixture
def lab(tmp_path: Path) -> LabFolder:
    """A fetched lab in a home."""
    found = LabFolder(tmp_path / "home", "science", "tiny")
    tiny_lab.write_release(found.path)
    tiny_lab.write_release(found.kept)
    return found


# ---- Check my work


def checked(lab: LabFolder, answers: dict[str, str], **limits: float) -> dict[str, dict]:
    """Result of a check with these answers, by item; the person's files stay as they were."""
    write_json(lab.notebook, tiny_lab.answered(read_json(lab.notebook), answers))
    before = {path: path.read_bytes() for path in lab.path.rglob("*") if path.is_file()}
    facts: list = []
    items = run_check(lab.path, lab.notebook, lab.kept_notebook, facts.append, **limits)
    assert {path: path.read_bytes() for path in lab.path.rglob("*") if path.is_file()} == before
    return {item["item"]: item for item in items}


@pytest.mark.slow
@pytest.mark.parametrize("language", ["zh", "en"])
def test_check_tells_right_wrong_error_and_unanswered_apart(lab: LabFolder, monkeypatch, language: str):
    monkeypatch.setenv("LABROOM_LANGUAGE", language)
    found = checked(lab, {"answer-q1": "total = 3", "answer-q2": "def double(x):\n    return 2 * y"})
    assert [found[name]["state"] for name in ("q1", "q2", "free")] == ["wrong", "error", "not-answered"]
    assert ("再数一数" if language == "zh" else "Count again") in found["q1"]["message"]
    assert found["q2"]["message"] == "NameError: name 'y' is not defined"
    assert found["q1"]["title"] == {"zh": "第一题：求和", "en": "Question 1: the sum"}
    found = checked(lab, {**tiny_lab.SOLUTIONS, "answer-q2": "def double(x) return", "free": "Counted."})
    assert [found[name]["state"] for name in ("q1", "q2", "free")] == ["right", "error", "to-be-marked"]
    assert found["q2"]["message"].startswith("SyntaxError")
    assert found["q2"]["where"] == {"cell": "answer-q2", "line": 1}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (None, "not-answered"),
        ("", "not-answered"),
        ("print(3 * 7)\ntotal = ...", "not-answered"),
        ("total = ...\ntotal = 3", "wrong"),
        ("total = ...\nprint(nothing)", "wrong"),
        ("total =", "error"),
    ],
)
def test_check_sees_what_is_still_as_released(lab: LabFolder, answer: str | None, state: str):
    found = checked(lab, {} if answer is None else {"answer-q1": answer})
    assert {name: found[name]["state"] for name in ("q1", "q2", "free")} == {
        "q1": state,
        "q2": "not-answered",
        "free": "not-answered",
    }


@pytest.mark.slow
def test_check_runs_the_tests_as_released_and_in_a_clean_kernel(lab: LabFolder):
    found = checked(
        lab,
        {
            "answer-q1": "total = 5; open('left.txt', 'w').write('x')",
            "test-q1": "assert True",
            "answer-q2": "",
        },
    )
    assert found["q1"]["state"] == "wrong"
    assert found["q2"]["state"] == "not-answered"


@pytest.mark.slow
def test_check_knows_answers_with_several_tests_and_messages_in_both_languages(lab: LabFolder):
    said = "class LabCheck(AssertionError): pass\nif total != 2: raise LabCheck('少了\\ntoo few')"
    for notebook in (lab.notebook, lab.kept_notebook):
        changed = read_json(notebook)
        for cell in changed["cells"]:
            if cell["id"] == "answer-q2":
                cell["metadata"] = {}
        write_json(notebook, tiny_lab.answered(changed, {"answer-q2": "", "test-q2": said}))
    found = checked(lab, {})
    assert [found[name]["state"] for name in ("q1", "q2")] == ["not-answered", "not-answered"]
    found = checked(lab, {"answer-q1": "total = 1"})
    assert [found[name]["state"] for name in ("q1", "q2")] == ["wrong", "wrong"]
    assert found["q2"]["message"] == {"zh": "少了", "en": "too few"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "said"), [("while True: pass", "still running"), ("import os; os._exit(1)", "memory")]
)
def test_check_ends_when_a_cell_does_not(lab: LabFolder, answer: str, said: str):
    began = time.monotonic()
    found = checked(lab, {"answer-q1": "total = 2", "answer-q2": answer}, cell_seconds=2)
    assert time.monotonic() - began < 30
    assert [found[name]["state"] for name in ("q1", "q2")] == ["right", "error"]
    assert said in found["q2"]["message"]["en"]
    assert found["q2"]["where"] == {"cell": "answer-q2"}


# ---- the server


class Server:
    """A person's Jupyter server in private folders, without a hub and without an exchange."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        for name in ("home", "config"):
            (folder / name).mkdir()
        extensions = {
            "jupyterlab": True,
            "labroom.hub_config.notebook": True,
            "nbgrader.server_extensions": False,
        }
        settings = {
            "ServerApp": {"jpserver_extensions": extensions, "root_dir": str(self.home)},
            "IdentityProvider": {"token": "secret"},
        }
        (folder / "config/jupyter_server_config.json").write_text(json.dumps(settings))
        with closing(socket()) as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        keep = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "LABROOM"))}
        self.log = folder / "log"
        self.url = f"http://127.0.0.1:{port}"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jupyter_server", "--allow-root", "--no-browser", f"--port={port}"],
                env={**keep, "HOME": str(self.home), "JUPYTER_CONFIG_DIR": str(folder / "config")},
                cwd=self.home,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.client = httpx.Client(
            base_url=self.url, headers={"Authorization": "token secret"}, timeout=60, trust_env=False
        )
        deadline = time.monotonic() + 60
        while True:
            try:
                self.client.get("/api").raise_for_status()
                return
            except httpx.HTTPError:
                assert time.monotonic() < deadline, self.log.read_text()
                assert self.process.poll() is None, self.log.read_text()
                time.sleep(0.1)

    def stop(self) -> None:
        self.client.close()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("server"))
    yield running
    running.stop()


@pytest.fixture
def served(server: Server) -> LabFolder:
    """A lab in the server's home."""
    found = LabFolder(server.home, "science", "tiny")
    tiny_lab.write_release(found.path)
    tiny_lab.write_release(found.kept)
    return found


PATH = {"path": "science/tiny/tiny.ipynb"}


@pytest.mark.slow
@pytest.mark.usefixtures("served")
def test_open_goes_to_the_notebook_and_sets_the_language_everywhere(server: Server):
    for language, locale in (("en", "en"), ("zh", "zh_CN")):
        answer = server.client.get(
            "/labroom/open", params={"course": "science", "lab": "tiny", "lang": language}
        )
        assert answer.status_code == 302
        assert answer.headers["location"] == "/doc/tree/science/tiny/tiny.ipynb"
        assert language_of(read_json(server.home / PATH["path"])) == language
        assert server.client.get("/labroom/state", params=PATH).json()["language"] == language
        setting = server.client.get("/lab/api/settings/@jupyterlab/translation-extension:plugin").json()
        assert setting["settings"]["locale"] == locale


@pytest.mark.slow
def test_open_explains_in_both_languages_when_it_cannot(server: Server):
    answer = server.client.get("/labroom/open", params={"course": "science", "lab": "<b>", "lang": "en"})
    assert answer.status_code == 400
    assert "impossible name" in answer.text
    assert "链接" in answer.text
    missing = server.client.get("/labroom/open", params={"course": "science", "lab": "absent"})
    assert missing.status_code == 503
    assert "no-exchange" in missing.text


@pytest.mark.slow
def test_every_address_asks_who_is_there(server: Server, served: LabFolder):
    stranger = httpx.Client(base_url=server.url, trust_env=False)
    with stranger:
        assert stranger.get("/labroom/open", params={"course": "science", "lab": "tiny"}).status_code == 302
        assert "/login" in stranger.get("/labroom/open").headers["location"]
        assert stranger.get("/labroom/state", params=PATH).status_code == 403
        for name in ("check", "submit"):
            assert stranger.post(f"/labroom/{name}", json=PATH).status_code == 403


@pytest.mark.slow
def test_a_page_elsewhere_cannot_hand_in_with_a_persons_cookie(server: Server, served: LabFolder):
    with httpx.Client(base_url=server.url, trust_env=False) as browser:
        browser.get("/lab", params={"token": "secret"})
        assert browser.get("/labroom/state", params=PATH).status_code == 200
        assert browser.post("/labroom/submit", json=PATH).status_code == 403
        token = {"X-XSRFToken": browser.cookies["_xsrf"]}
        assert browser.post("/labroom/submit", json=PATH, headers=token).json()["error"] == "no-exchange"


@pytest.mark.slow
def test_check_answers_at_once_or_line_by_line(server: Server, served: LabFolder):
    write_json(served.notebook, tiny_lab.answered(tiny_lab.released(), tiny_lab.SOLUTIONS))
    whole = server.client.post("/labroom/check", json=PATH).json()
    assert [item["state"] for item in whole["items"]] == ["right", "right", "not-answered"]
    assert "您看不到" in whole["note"]["zh"]
    lines = server.client.post("/labroom/check", json=PATH, headers={"Accept": "application/x-ndjson"}).text
    facts = [json.loads(line) for line in lines.splitlines()]
    assert facts[0] == {"cell": 0, "of": 5}
    assert facts[-1]["result"]["items"] == whole["items"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"path": 3}', b'{"path": "../science/tiny/tiny.ipynb"}', b"{"]
)
def test_bad_requests_are_refused_not_run(server: Server, body: bytes):
    for name in ("check", "submit"):
        answer = server.client.post(f"/labroom/{name}", content=body)
        assert answer.status_code in (400, 404), answer.text


@pytest.mark.slow
@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"cells": 1, "nbformat": 4}', b"[" * 100_000])
def test_a_damaged_notebook_is_named_with_a_way_out(server: Server, served: LabFolder, damage: bytes):
    served.notebook.write_bytes(damage)
    answer = server.client.post("/labroom/check", json=PATH)
    assert answer.status_code == 422
    assert answer.json()["error"] == "bad-notebook"
    assert "Rename" in answer.json()["message"]["en"]


@pytest.mark.slow
def test_a_check_that_nobody_waits_for_is_ended_with_its_kernel(server: Server, served: LabFolder):
    endless = {**tiny_lab.SOLUTIONS, "answer-q2": "while True: pass"}
    write_json(served.notebook, tiny_lab.answered(tiny_lab.released(), endless))
    with server.client.stream(
        "POST", "/labroom/check", json=PATH, headers={"Accept": "application/x-ndjson"}
    ) as answer:
        for line in answer.iter_lines():
            if json.loads(line).get("cell") == 3:
                break
        children = psutil.Process(server.process.pid).children(recursive=True)
        assert len(children) >= 2
        busy = server.client.post("/labroom/check", json=PATH)
        assert (busy.status_code, busy.json()["error"]) == (409, "busy")
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive


@pytest.mark.slow
def test_the_buttons_come_with_the_extension(server: Server):
    page = server.client.get("/lab").text
    assert '"name": "labroom"' in page
    for name in ("remoteEntry.js", "plugin.js", "bar.js"):
        answer = server.client.get(f"/lab/extensions/labroom/static/{name}")
        assert answer.status_code == 200
        assert "javascript" in answer.headers["content-type"]


def test_the_extension_loads_nothing_of_nbgrader():
    program = (
        "import sys, labroom.hub_config.notebook.handlers as h; "
        "print([m for m in sys.modules if m.startswith(('nbgrader', 'nbconvert', 'nbclient', 'sqlalchemy'))])"
    )
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "[]"
