# SPDX-License-Identifier: BSD-3-Clause
"""From nothing to a running hub: data folder, self-test, hub process, health; and back to nothing."""

import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from labroom.autograder import confine
from labroom.hub_config.courses import Season
from labroom.hub_config.data_folder import DataFolder
from labroom.hub_config.spawner import LABEXTENSIONS, SERVERS

from .settings import ENVIRONMENT, HubSettings, write_private
from .warden import kill_descendants, start_warden

CONFIG = Path(__file__).resolve().parent / "jupyterhub_config.py"


class HubRefused(RuntimeError):  # noqa: N818 - read as a sentence where it is raised
    """The hub must not or cannot start; the message says why and what next."""


@dataclass(frozen=True)
class RunningHub:
    """A hub that answers, with what is needed to talk to it and to stop it."""

    settings: HubSettings
    warden: "subprocess.Popen[bytes]"

    def stop(self) -> float:
        """Stop the hub and all it started; returns the seconds it took. Safe to call twice."""
        began = time.monotonic()
        if self.warden.stdin and not self.warden.stdin.closed:
            self.warden.stdin.close()
        try:
            self.warden.wait(9)
        except subprocess.TimeoutExpired:
            self.warden.kill()
        kill_descendants()
        return time.monotonic() - began


def check_confinement(data: DataFolder, season: Season, wanted: str, people: Sequence[str], ip: str) -> bool:
    """Whether servers will be confined. HubRefused when this machine separates people less than wanted.

    Includes the self-test: a confined child must fail to open the hub's secrets and must be able to
    write in its home.
    """
    if wanted == "none":
        if len(people) != 1:
            raise HubRefused(
                "不隔离时只能有一个人：加 --people 名字。 "
                "Without confinement only one person may use the hub: add --people NAME."
            )
        if ip != "127.0.0.1":
            raise HubRefused(
                f"不隔离时只能在 127.0.0.1 上，不能在 {ip} 上。 "
                f"Without confinement the hub listens on 127.0.0.1 only, not on {ip}."
            )
        return False
    level = confine.level_of(confine.landlock_abi())
    if level == "none" or (wanted == "full" and level == "files"):
        raise HubRefused(
            f"{confine.describe_level()} 只给自己用：--confinement none --people 名字。 "
            "For yourself alone: --confinement none --people NAME."
        )
    allowed = [*confine.system_read_paths(), SERVERS, LABEXTENSIONS]
    secret_places = [data.root, *(course.source for course in season.courses)]
    for place in secret_places:
        try:
            confine.refuse_overlap(place, allowed)
        except confine.CannotConfine as error:
            raise HubRefused(str(error)) from error
    with _probe_home(data) as home:
        result = confine.self_test(*_secrets(data, season), Path(f"/proc/{os.getpid()}/environ"), home=home)
    if not result.passed:
        raise HubRefused(
            f"自检失败，隔离没有起作用，不启动：{result.detail}。 "
            f"The confinement failed its self-test, so the hub does not start: {result.detail}."
        )
    return True


@contextmanager
def _probe_home(data: DataFolder) -> Iterator[Path]:
    # No person's name begins with a dot.
    home = data.homes / f".self-test-{secrets.token_hex(4)}"
    home.mkdir(mode=0o700)
    try:
        yield home
    finally:
        for left in home.iterdir():
            left.unlink()
        home.rmdir()


def _secrets(data: DataFolder, season: Season) -> list[Path]:
    blobs = data.exchange / "blobs"
    blobs.mkdir(mode=0o700, exist_ok=True)
    places = [ensure_cookie_secret(data), blobs, data.homes, data.exchange]
    places += [data.course(course.id) for course in season.courses]
    places += [course.source for course in season.courses if course.source.exists()]
    return places


def ensure_cookie_secret(data: DataFolder) -> Path:
    """The hub's cookie secret; made here so that the self-test has it to fail on."""
    path = data.hub / "cookie_secret"
    if not path.exists():
        write_private(path, secrets.token_hex(32) + "\n")
    return path


def write_operator_file(settings: HubSettings) -> None:
    """Leave addresses and a fresh token for the operator's commands."""
    record = {
        "hub_api": f"{settings.url}/hub/api",
        "exchange": f"{settings.url}/services/exchange",
        "url": settings.url,
        "token": secrets.token_hex(32),
    }
    write_private(settings.folder.operator_file, json.dumps(record, indent=1))


def free_ports(how_many: int) -> list[int]:
    """Different ports of the loopback that nobody listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(how_many)]
    ports = [int(opened.getsockname()[1]) for opened in sockets]
    for opened in sockets:
        opened.close()
    return ports


def check_port(ip: str, port: int) -> None:
    """HubRefused when somebody listens there already."""
    host = "" if ip in ("", "*") else ip
    try:
        with socket.create_server((host, port)):
            pass
    except OSError as error:
        raise HubRefused(
            f"端口 {port} 已被占用({error.strerror});用 --port 选别的。 "
            f"Port {port} of {ip} cannot be used ({error.strerror}); choose another with --port."
        ) from error


def start_hub(
    settings: HubSettings, *, config: Path = CONFIG, on_wait: Callable[[float], None] = lambda _: None
) -> RunningHub:
    """Start the hub process and wait until it answers; if it does not, HubRefused with its log's end."""
    write_operator_file(settings)
    for stale in ("proxy.toml", "proxy-routes.toml"):
        # Left by a hub that was killed; the proxy would go on with its password and its routes.
        (settings.folder.hub / stale).unlink(missing_ok=True)
    log_path = settings.folder.hub / "log"
    rotate(log_path)
    log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    environment = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("JUPYTER") and not (key.startswith("LABROOM_") and key.endswith("_PASSWORD"))
    }
    environment[ENVIRONMENT] = str(settings.write())
    environment["PATH"] = os.pathsep.join(
        [str(Path(sys.executable).parent), environment.get("PATH", "/usr/bin")]
    )
    command = [sys.executable, "-I", "-m", "jupyterhub", "-f", str(config)]
    try:
        hub = RunningHub(settings, start_warden(command, log=log, environment=environment))
    finally:
        os.close(log)
    try:
        wait_until_up(hub, on_wait=on_wait)
    except BaseException:
        hub.stop()
        raise
    return hub


def wait_until_up(hub: RunningHub, *, seconds: float = 90, on_wait: Callable[[float], None]) -> None:
    """Return when the hub answers through its proxy; HubRefused when it ends or takes too long."""
    began = time.monotonic()
    with httpx.Client(trust_env=False, timeout=5) as client:
        while (waited := time.monotonic() - began) < seconds:
            on_wait(waited)
            if hub.warden.poll() is not None:
                break
            try:
                if client.get(f"{hub.settings.url}/hub/health").status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
    log = hub.settings.folder.hub / "log"
    raise HubRefused(
        f"教室没有启动起来，日志 {log} 的结尾： The hub did not start; the end of its log {log}:\n{tail(log)}"
    )


def rotate(log: Path, limit: int = 10 << 20) -> None:
    """Keep one older log when the log has grown past ``limit`` bytes."""
    if log.exists() and log.stat().st_size > limit:
        log.replace(log.with_suffix(".old"))


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
