# SPDX-License-Identifier: BSD-3-Clause
"""A teacher's notebook reaches nothing that is not this teacher's; the same probe reaches it elsewhere."""

import json
import os
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from hub_story import Hub, as_ordinary_user, open_folder, ordinary_user_works, running_hub

from labroom.autograder.confine import landlock_abi, level_of

PROBE = Path(__file__).with_name("isolation_probe.py")
OWN = {"own home", "own record"}
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(level_of(landlock_abi()) == "none", reason="this kernel has no Landlock"),
]


@contextmanager
def listeners(folder: Path) -> Iterator[tuple[str, str]]:
    """Somebody outside who listens on an abstract socket and on a socket file, like a container engine."""
    name, path = f"labroom-test-{os.getpid()}", folder / "engine.sock"
    with socket.socket(socket.AF_UNIX) as abstract, socket.socket(socket.AF_UNIX) as file:
        abstract.bind("\0" + name)
        file.bind(str(path))
        path.chmod(0o777)
        for server in (abstract, file):
            server.listen(8)
        try:
            yield name, str(path)
        finally:
            path.unlink()


def prepare_secrets(hub: Hub) -> None:
    """What only a hub in use has; made as the owner of the data folder would."""
    owner = hub.data.root.stat()
    for path, text in (
        (hub.data.exchange / "exchange.sqlite", "db"),
        (hub.data.exchange / "signing.key", "key"),
        (hub.data.exchange / "blobs" / "ab" / "abcd", "blob"),
        (hub.data.course("physics") / "gradebook.db", "grades"),
        (hub.data.homes / "wu" / "diary.txt", "private"),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_text(text)
        for made in (path.parent, path):
            os.chown(made, owner.st_uid, owner.st_gid)


def targets(hub: Hub, abstract: str, socket_file: str) -> dict[str, object]:
    """What the probe shall try to reach."""
    data = hub.data
    lab = "source/physics-lab/physics-lab.ipynb"
    files = {
        "cookie secret": data.hub / "cookie_secret",
        "hub database": data.hub / "jupyterhub.sqlite",
        "operator's token": data.operator_file,
        "passwords": data.hub / "passwords.json",
        "proxy routes": data.hub / "proxy-routes.toml",
        "hub log": data.hub / "log",
        "exchange database": data.exchange / "exchange.sqlite",
        "signing key": data.exchange / "signing.key",
        "blob": data.exchange / "blobs" / "ab" / "abcd",
        "gradebook": data.course("physics") / "gradebook.db",
        "solution on the hub": data.course("physics") / lab,
        "solution in the repository": hub.courses.parent / "physics" / lab,
        "other's file": data.homes / "wu" / "diary.txt",
    }
    written = ("cookie secret", "hub database", "gradebook", "other's file", "solution on the hub")
    folders = {
        "data": data.root,
        "homes": data.homes,
        "other's home": data.homes / "wu",
        "blobs": data.exchange / "blobs",
        "course": data.course("physics"),
    }
    pids = {
        "hub": hub.find("-m jupyterhub -f"),
        "proxy": hub.find("traefik"),
        "other's server": hub.server_of("wu"),
    }
    missing = [str(path) for path in (*files.values(), *folders.values()) if not path.exists()]
    assert not missing
    return {
        "files": {name: str(path) for name, path in files.items()},
        "writes": {name: str(files[name]) for name in written},
        "folders": {name: str(path) for name, path in folders.items()},
        "pids": pids,
        "abstract": abstract,
        "socket": socket_file,
        "prefix": sys.prefix,
        "other": "wu",
    }


def probe(hub: Hub) -> dict[str, str]:
    """What li's notebook reached, while wu's server runs."""
    with hub.signed_in("wu") as wu, hub.signed_in("li") as li, listeners(hub.courses.parent) as sockets:
        wu.start_server()
        prepare_secrets(hub)
        li.start_server()
        code = f"TARGETS = {json.dumps(targets(hub, *sockets))}\n" + PROBE.read_text(encoding="utf-8")
        outcome = li.run(code)
        assert outcome.error is None, outcome
        found: dict[str, str] = json.loads(outcome.text)
        found |= contents_by_link(hub, li)
        return found


def contents_by_link(hub: Hub, li: object) -> dict[str, str]:
    """Whether the server itself hands out a file that a link in the home points to."""
    person = li
    secret = hub.data.homes / "wu" / "diary.txt"
    person.run(f"import os; os.path.lexists('door.txt') or os.symlink({str(secret)!r}, 'door.txt')")  # type: ignore[attr-defined]
    answer = person.server_call("GET", "api/contents/door.txt")  # type: ignore[attr-defined]
    return {"contents by symlink": "reached" if answer.status_code == 200 else str(answer.status_code)}


def reached(found: dict[str, str]) -> set[str]:
    """Names of the attempts that succeeded."""
    return {name for name, result in found.items() if result == "reached"}


def expected_reach() -> set[str]:
    """What may be reached: the person's own; signals too where the kernel is older."""
    return OWN


STOCK = """
c = get_config()
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = {homes!r} + "/{{username}}"
c.Spawner.cmd = [{python!r}, "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root"]
"""


@pytest.mark.parametrize("who", ["as we are", "ordinary user"])
def test_probe_reaches_only_its_own(who: str) -> None:
    wrap: Callable[[Sequence[str]], list[str]] = list
    if who == "ordinary user":
        if os.geteuid() != 0:
            pytest.skip("we are an ordinary user already")
        if not ordinary_user_works():
            pytest.skip("our Python cannot be shown to another user here (no mount namespace)")
        wrap = as_ordinary_user
    with open_folder() as folder:
        if wrap is as_ordinary_user:
            os.chown(folder, 65534, 65534)
        with running_hub(folder, wrap=wrap) as hub:
            found = probe(hub)
    over = reached(found) - expected_reach()
    if level_of(landlock_abi()) == "files":
        over = {name for name in over if "signal" not in name and name != "abstract socket"}
    assert not over, {name: found[name] for name in over}
    assert reached(found) >= OWN
    assert len(found) > 100


def test_same_probe_reaches_everything_with_the_stock_spawner(tmp_path: Path) -> None:
    own = tmp_path / "stock.py"
    own.write_text(STOCK.format(homes=str(tmp_path / "data/homes"), python=sys.executable))
    with running_hub(tmp_path, "--extra-config", str(own)) as hub:
        found = probe(hub)
    assert reached(found) >= {
        "read cookie secret",
        "read hub database",
        "read operator's token",
        "read exchange database",
        "read blob",
        "read gradebook",
        "read solution on the hub",
        "read solution in the repository",
        "read by symlink other's file",
        "write gradebook",
        "write in other's home",
        "environment of hub",
        "environment of other's server",
        "signal other's server",
        "abstract socket",
        "socket file",
        "contents by symlink",
        "list processes",
    }
