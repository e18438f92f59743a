# SPDX-License-Identifier: BSD-3-Clause
"""A small real hub and real exchange processes for the exchange's tests; one hub per test run."""

import atexit
import contextlib
import functools
import io
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from labroom.hub_config.exchange.client import Exchange

COURSE = "matter-energy"
OTHER = "forces-waves"
LAB = "boiling-tibet"
LEARNERS = ["amei", "bolin", *(f"t{n:02d}" for n in range(32))]
AUTHOR = "chen"
PREFIX = "/services/exchange"
PERSON_SCOPES = [
    "access:services!service=exchange",
    "read:users:groups!user",
    "read:users:name!user",
]

HUB_CONFIG = """
import os, sys
c = get_config()  # noqa: F821
settings = {settings!r}
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.spawner_class = "simple"
c.Authenticator.allow_all = True
c.JupyterHub.bind_url = f"http://127.0.0.1:{{settings['port']}}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{{settings['hub_port']}}"
c.JupyterHub.db_url = f"sqlite:///{{settings['folder']}}/hub.sqlite"
c.JupyterHub.cookie_secret_file = f"{{settings['folder']}}/cookie_secret"
c.JupyterHub.cleanup_servers = True
c.ConfigurableHTTPProxy.auth_token = "unused"
c.JupyterHub.proxy_class = "traefik_file"
c.TraefikProxy.should_start = True
c.TraefikProxy.traefik_api_url = f"http://127.0.0.1:{{settings['traefik_port']}}"
c.TraefikProxy.traefik_api_username = "hub"
c.TraefikProxy.traefik_api_password = settings["secret"]
c.TraefikProxy.traefik_log_level = "ERROR"
c.TraefikFileProviderProxy.static_config_file = f"{{settings['folder']}}/traefik.toml"
c.TraefikFileProviderProxy.dynamic_config_file = f"{{settings['folder']}}/rules.toml"
c.JupyterHub.load_groups = settings["groups"]
c.JupyterHub.load_roles = [
    dict(name="user", scopes=["self", "access:services!service=exchange"]),
    dict(name="operator", services=["operator"], scopes=["admin:users", "tokens", "access:services"]),
]
c.JupyterHub.services = [
    dict(name="operator", api_token=settings["secret"]),
    dict(
        name="exchange",
        url=f"http://127.0.0.1:{{settings['exchange_port']}}",
        command=[sys.executable, "-m", "labroom.hub_config.exchange"],
        environment=dict(LABROOM_EXCHANGE_FOLDER=settings["folder"] + "/exchange"),
    ),
]
"""


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port: int = s.getsockname()[1]
        return port


def wait_for(what: Callable[[], bool], seconds: float, about: str) -> None:
    """Polls until true; fails with what was waited for."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {about}")


def answers(url: str) -> bool:
    """Whether an address gives 200."""
    try:
        return httpx.get(url, timeout=2, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


@dataclass
class Hub:
    """A running hub with people, groups, and the exchange as its managed service."""

    folder: Path
    process: subprocess.Popen[bytes]
    public: str
    api: str
    secret: str
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def exchange_url(self) -> str:
        """The managed exchange, through the proxy."""
        return self.public + PREFIX

    def new_token(self, name: str, scopes: list[str]) -> str:
        """A token of a person with just these scopes."""
        answer = httpx.post(
            f"{self.api}/users/{name}/tokens",
            headers={"Authorization": f"token {self.secret}"},
            json={"scopes": scopes},
            trust_env=False,
        )
        answer.raise_for_status()
        token: str = answer.json()["token"]
        return token

    def token(self, name: str) -> str:
        """The person's token as their server would have it."""
        if name not in self.tokens:
            self.tokens[name] = self.new_token(name, PERSON_SCOPES)
        return self.tokens[name]

    def stop(self) -> None:
        """Ends the hub and everything it started."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)


@functools.cache
def hub() -> Hub:
    """The hub of this test run; started at the first call, stopped when the run ends."""
    folder = Path(tempfile.mkdtemp(prefix="labroom-hub-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    settings = {
        "folder": str(folder),
        "port": free_port(),
        "hub_port": free_port(),
        "traefik_port": free_port(),
        "exchange_port": free_port(),
        "secret": secrets.token_hex(16),
        "groups": {
            f"nbgrader-{COURSE}": {"users": LEARNERS},
            f"formgrade-{COURSE}": {"users": [AUTHOR]},
            f"nbgrader-{OTHER}": {"users": ["dawa"]},
            f"formgrade-{OTHER}": {"users": ["li"]},
            "graders": {"users": [f"grader-{COURSE}"]},
        },
    }
    (folder / "config.py").write_text(HUB_CONFIG.format(settings=settings))
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTERHUB_", "LABROOM_"))}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment.get('PATH', '')}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "-f", "config.py"],
            cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    public = f"http://127.0.0.1:{settings['port']}"
    running = Hub(
        folder, process, public, f"http://127.0.0.1:{settings['hub_port']}/hub/api", str(settings["secret"])
    )
    atexit.register(running.stop)
    try:
        wait_for(
            lambda: answers(running.exchange_url + "/health") or process.poll() is not None, 90, "the hub"
        )
        assert process.poll() is None
    except AssertionError:
        raise AssertionError((folder / "log").read_text()[-4000:]) from None
    return running


@dataclass
class Service:
    """One exchange process of our own, straight against the hub's API."""

    folder: Path
    port: int
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address with the prefix."""
        return f"http://127.0.0.1:{self.port}{PREFIX}"

    def start(self) -> None:
        """Starts it and waits until it answers."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with (self.folder.parent / "exchange.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "labroom.hub_config.exchange"],
                env={**os.environ, **self.environment}, stdout=log, stderr=log,
            )  # fmt: skip
        try:
            wait_for(lambda: answers(self.url + "/health"), 40, "the exchange")
        except AssertionError:
            raise AssertionError((self.folder.parent / "exchange.log").read_text()[-4000:]) from None

    def kill(self) -> None:
        """SIGKILL, at once."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self, sign: signal.Signals = signal.SIGTERM) -> float:
        """Asks it to end; seconds it took."""
        assert self.process is not None
        begin = time.monotonic()
        self.process.send_signal(sign)
        self.process.wait(15)
        return time.monotonic() - begin

    def client(self, name: str, **options: float) -> Exchange:
        """A person's client."""
        return Exchange(self.url, hub().token(name), **options)


@contextlib.contextmanager
def service(folder: Path, **environment: str) -> Iterator[Service]:
    """An exchange process with its data below the folder."""
    port = free_port()
    data = folder / "exchange"
    running = Service(
        data,
        port,
        {
            "LABROOM_EXCHANGE_FOLDER": str(data),
            "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{port}",
            "JUPYTERHUB_SERVICE_PREFIX": PREFIX + "/",
            "JUPYTERHUB_API_URL": hub().api,
            **environment,
        },
    )
    running.start()
    try:
        yield running
    finally:
        assert running.process is not None
        if running.process.poll() is None:
            running.stop()


def lab_folder(folder: Path, text: str = "print('42')") -> Path:
    """A tiny released lab."""
    folder.mkdir(parents=True)
    cell = {
        "cell_type": "code",
        "id": "a1",
        "metadata": {},
        "source": text,
        "outputs": [],
        "execution_count": None,
    }
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (folder / f"{LAB}.ipynb").write_text(json.dumps(notebook))
    (folder / "lab.json").write_text(
        json.dumps(
            {"id": LAB, "language": "both", "title": {"zh": "世界屋脊上的沸腾", "en": "Boiling"}},
            ensure_ascii=False,
        )
    )
    (folder / "data").mkdir()
    (folder / "data" / "t.csv").write_text("h,t\n0,100\n")
    return folder


def targz(*members: tuple[str, bytes] | tarfile.TarInfo) -> bytes:
    """A tar.gz as an attacker might make it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member, io.BytesIO(bytes(member.size)))
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                tar.addfile(info, io.BytesIO(member[1]))
    return out.getvalue()


@dataclass
class PostgreSQL:
    """A private PostgreSQL server."""

    port: int
    made: int = 0

    def new_database(self) -> str:
        """Address of a new, empty database."""
        import psycopg

        self.made += 1
        name = f"exchange{self.made}"
        with psycopg.connect(self._address("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self._address(name)

    def _address(self, name: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"


@contextlib.contextmanager
def postgresql() -> Iterator[PostgreSQL]:
    """A real PostgreSQL in a private folder, run by an ordinary user; skips where there is none to run."""
    import pwd

    import pytest

    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("no PostgreSQL on this machine")
    programs = found[-1].parent
    folder = Path(tempfile.mkdtemp(prefix="labroom-pg-"))
    options: dict[str, int] = {}
    if os.getuid() == 0:
        # PostgreSQL refuses to run as root.
        account = next((a for a in ("postgres", "nobody") if _has_account(a)), None)
        if account is None:
            pytest.skip("PostgreSQL does not run as root, and there is no other account")
        person = pwd.getpwnam(account)
        os.chown(folder, person.pw_uid, person.pw_gid)
        options = {"user": person.pw_uid, "group": person.pw_gid}
    port = free_port()
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    data = folder / "data"
    subprocess.run(
        [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"],
        check=True, capture_output=True, cwd=folder, env=environment, **options,
    )  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [programs / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", folder],
            cwd=folder, env=environment, stdout=log, stderr=log, **options,
        )  # fmt: skip
    try:
        wait_for(lambda: _listens(port), 30, "PostgreSQL")
        yield PostgreSQL(port)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


def _has_account(name: str) -> bool:
    import pwd

    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _listens(port: int) -> bool:
    import psycopg

    try:
        psycopg.connect(f"postgresql://postgres@127.0.0.1:{port}/postgres", connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def run_labroom(*words: str, code: int = 0, **environment: str) -> dict[str, Any]:
    """Runs the command line; its JSON answer, or its text under ``output``."""
    ended = subprocess.run(
        [sys.executable, "-c", "from labroom.tools.cli import main; main()", *words],
        env={**os.environ, **environment}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert ended.returncode == code, ended.stdout + ended.stderr
    try:
        return dict(json.loads(ended.stdout))
    except ValueError:
        return {"output": ended.stdout + ended.stderr}
