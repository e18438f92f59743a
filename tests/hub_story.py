# SPDX-License-Identifier: BSD-3-Clause
"""For tests: a real ``labroom hub`` on a free port with a small season of its own, until the story ends."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from labroom.hub_config.data_folder import DataFolder
from labroom.hub_config.embedded.launch import free_ports
from labroom.hub_config.hub_client import Person

CLASS_PASSWORD = "class-word"
AUTHOR_PASSWORD = "author-word"
REPOSITORY_SEASON = Path(__file__).resolve().parent.parent / "courses" / "courses.toml"
NOBODY = 65534

SEASON = """
[season]
title = {zh = "试", en = "Trial"}
language = "zh"
[[course]]
id = "physics"
title = {zh = "物理", en = "Physics"}
authors = ["chen"]
learners = ["*"]
[[course]]
id = "chemistry"
title = {zh = "化学", en = "Chemistry"}
authors = ["wang"]
learners = ["*"]
"""


@dataclass
class Hub:
    """A running hub, as a test sees it."""

    url: str
    data: DataFolder
    courses: Path
    process: "subprocess.Popen[str]"
    output: Path

    def person(self, name: str) -> Person:
        """A browser that is not signed in yet."""
        return Person(self.url, name)

    @contextmanager
    def signed_in(self, name: str, *, author: bool = False) -> Iterator[Person]:
        """A browser that is signed in."""
        with self.person(name) as person:
            person.sign_in(AUTHOR_PASSWORD if author else CLASS_PASSWORD)
            yield person

    def printed(self) -> str:
        """What the launcher has printed so far."""
        return self.output.read_text(encoding="utf-8")

    def descendants(self) -> list[psutil.Process]:
        """All processes below the launcher."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def find(self, *words: str) -> int:
        """Process id of the one descendant with all these words in its command line."""
        found = [p.pid for p in self.descendants() if all(w in " ".join(p.cmdline()) for w in words)]
        assert found, f"no process with {words}"
        return found[0]

    def server_of(self, name: str) -> int:
        """Process id of a person's server."""
        for process in self.descendants():
            words = process.cmdline()
            if "jupyterhub.singleuser" in words and process.environ().get("JUPYTERHUB_USER") == name:
                return process.pid
        raise AssertionError(f"no server of {name}")

    def server_log(self, name: str) -> str:
        """What a person's server has printed."""
        log = self.data.homes / name / ".local/state/labroom/server.log"
        return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""

    def stop(self, number: int = signal.SIGTERM) -> float:
        """Send a signal to the launcher; seconds until it has ended."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(30)
        return time.monotonic() - began

    def explain(self) -> str:
        """All that helps to see why something failed."""
        log = self.data.hub / "log"
        text = log.read_text(encoding="utf-8", errors="replace")[-6000:] if log.exists() else "(no log)"
        servers = "".join(
            f"\n--- server of {home.name}\n{self.server_log(home.name)[-2000:]}"
            for home in sorted(self.data.homes.glob("*"))
        )
        return f"--- launcher\n{self.printed()}\n--- hub log\n{text}{servers}"


def write_season(folder: Path) -> Path:
    """A courses folder with two courses; returns its courses.toml.

    Each has a notebook with a solution but no lab.toml, so that starting the hub releases nothing.
    """
    for course in ("physics", "chemistry"):
        lab = folder / course / "source" / f"{course}-lab"
        lab.mkdir(parents=True)
        (lab / f"{course}-lab.ipynb").write_text(json.dumps(_notebook("answer = 42")))
    season = folder / "courses.toml"
    season.write_text(SEASON)
    return season


def _notebook(code: str) -> dict[str, object]:
    cell = {
        "cell_type": "code",
        "id": "a",
        "metadata": {},
        "source": code,
        "outputs": [],
        "execution_count": None,
    }
    return {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def hub_command(data: Path, courses: Path, port: int, *arguments: str) -> list[str]:
    """The command that starts the hub of a test."""
    return [
        *(sys.executable, "-m", "labroom.tools.hub"),
        *("--data", str(data), "--courses", str(courses), "--port", str(port)),
        *("--class-password", CLASS_PASSWORD, "--author-password", AUTHOR_PASSWORD),
        *arguments,
    ]


def wait_for(what: Callable[[], object], *, seconds: float = 30, why: str = "") -> None:
    """Poll until ``what()`` is true; AssertionError with ``why`` when it takes too long."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, why or "took too long"
        time.sleep(0.05)


@contextmanager
def running_hub(
    folder: Path,
    *arguments: str,
    courses: Path | None = None,
    wrap: Callable[[Sequence[str]], list[str]] = list,
    wait: bool = True,
) -> Iterator[Hub]:
    """A hub with its data in ``folder/data``. ``wrap`` turns the command into the one to run.

    Without ``courses`` it gets a season of its own; REPOSITORY_SEASON is the one with the real labs.
    The same folder again is the same hub, started again.
    """
    season = courses or folder / "courses" / "courses.toml"
    if not season.exists():
        write_season(season.parent)
    (port,) = free_ports(1)
    data, output = folder / "data", folder / "launcher.out"
    with output.open("w") as out:
        process = subprocess.Popen(
            wrap(hub_command(data, season, port, *arguments)),
            stdout=out,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
    hub = Hub(f"http://127.0.0.1:{port}", DataFolder(data), season, process, output)
    try:
        if wait:
            wait_for(
                lambda: "Open " in hub.printed() or process.poll() is not None, seconds=120, why=hub.explain()
            )
            assert process.poll() is None, hub.explain()
        yield hub
    except BaseException:
        print(hub.explain())  # noqa: T201 - pytest shows it with the failure
        raise
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that another system user could be given; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory(prefix="labroom-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


# Shows a Python below root's private home to another user, at the same path, in a mount namespace.
_SHOW_PYTHON = """
set -e
mount --bind "$1" /mnt
mount -t tmpfs -o mode=755 tmpfs /root
mkdir -p "$1"
mount --move /mnt "$1"
shift
exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
"""


def as_ordinary_user(command: Sequence[str]) -> list[str]:
    """The command that runs ``command`` as somebody who is not root."""
    if os.geteuid() != 0:
        return list(command)
    plain = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command]
    base = Path(sys.base_prefix).resolve()
    if base.is_relative_to("/root"):
        return ["unshare", "--mount", "sh", "-c", _SHOW_PYTHON, "sh", str(base), *command]
    return plain


def ordinary_user_works() -> bool:
    """Whether this machine lets us run our Python as somebody who is not root."""
    probe = as_ordinary_user([sys.executable, "-c", "import labroom.hub_config, os; os.getuid() or 1 / 0"])
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0
