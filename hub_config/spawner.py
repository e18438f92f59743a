# SPDX-License-Identifier: BSD-3-Clause
"""Starts each person's Jupyter server confined to that person's home, as one system user for all."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from jupyterhub.spawner import SimpleLocalProcessSpawner
from traitlets import Bool, Unicode, default

from labroom.autograder.confine import Confinement, command_line

from .courses import GRADER_PREFIX
from .data_folder import DataFolder

SERVERS = Path(__file__).resolve().parent / "embedded" / "servers"
LABEXTENSIONS = Path(__file__).resolve().parent / "notebook" / "labextensions"
SERVER_LOG = ".local/state/labroom/server.log"
MEMORY = 8 << 30  # address space of one process; a browser-sized Jupyter process reserves 1-2 GiB
_PASSED_ON = ["PATH", "LANG", "TZ", "OPENBLAS_CORETYPE", "SSL_CERT_FILE"]


class ConfinedSpawner(SimpleLocalProcessSpawner):
    """A local process per person that reaches that person's home and nothing of anybody else.

    ``grader-COURSE`` has the course's data folder as its home; everybody else ``homes/NAME``.
    """

    data_root = Unicode(help="The hub's data folder").tag(config=True)
    exchange_url = Unicode(help="Where notebooks hand in").tag(config=True)
    confined = Bool(True, help="False only where one person is alone on the hub").tag(config=True)
    assignment_list = Bool(False, help="Give learners nbgrader's Assignment List").tag(config=True)

    @default("env_keep")
    def _default_env_keep(self) -> list[str]:
        return list(_PASSED_ON)

    @property
    def course_id(self) -> str | None:
        """The course whose grader server this is; None for a person's own server."""
        name: str = self.user.name
        return name.removeprefix(GRADER_PREFIX) if name.startswith(GRADER_PREFIX) else None

    @default("home_dir")
    def _default_home_dir(self) -> str:
        data = DataFolder(Path(self.data_root))
        return str(data.course(self.course_id) if self.course_id else data.homes / self.user.name)

    def config_path(self) -> list[Path]:
        """Read-only Jupyter settings for this kind of server, the first one winning."""
        if self.course_id:
            return [SERVERS / "grader", SERVERS / "everyone"]
        kind = "assignment_list" if self.assignment_list else "learner"
        return [SERVERS / kind, SERVERS / "everyone"]

    def user_env(self, env: dict[str, str]) -> dict[str, str]:
        """Everything that programs want to write goes into the home; nothing of the hub's own is passed."""
        home = Path(self.home_dir)
        return env | {
            "USER": self.user.name,
            "LOGNAME": self.user.name,
            "HOME": str(home),
            "SHELL": "/bin/sh",
            "LANG": env.get("LANG", "C.UTF-8"),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"]),
            "TMPDIR": str(home / ".tmp"),
            "XDG_CACHE_HOME": str(home / ".cache"),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "MPLCONFIGDIR": str(home / ".config/matplotlib"),
            "IPYTHONDIR": str(home / ".ipython"),
            "JUPYTER_CONFIG_DIR": str(home / ".jupyter"),
            "JUPYTER_DATA_DIR": str(home / ".local/share/jupyter"),
            "JUPYTER_RUNTIME_DIR": str(home / ".local/share/jupyter/runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(home / ".jupyter/lab/user-settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(home / ".jupyter/lab/workspaces"),
            "JUPYTER_CONFIG_PATH": os.pathsep.join(map(str, self.config_path())),
            "JUPYTER_PREFER_ENV_PATH": "0",
            "LABROOM_EXCHANGE_URL": self.exchange_url,
            # Few cores for many people: one thread each.
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
        }

    def get_args(self) -> list[str]:
        """Arguments of the person's server."""
        args = [
            *super().get_args(),
            f"--ServerApp.root_dir={self.home_dir}",
            "--ServerApp.default_url=/lab",
            f"--LabApp.extra_labextensions_path={LABEXTENSIONS}",
        ]
        return [*args, "--allow-root"] if os.geteuid() == 0 else args

    async def start(self) -> Any:
        """Start the confined server; returns (ip, port) as the hub expects."""
        home = Path(self.home_dir)
        # Its parent is out of the person's reach, so nothing can stand here in its place.
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        server = [sys.executable, "-I", "-m", "jupyterhub.singleuser"]
        wanted = Confinement(write=(home,), memory=MEMORY)
        self.cmd = command_line(wanted, server, log=home / SERVER_LOG) if self.confined else server
        self.popen_kwargs = {"stdin": subprocess.DEVNULL}
        return await super().start()

    def load_state(self, state: dict[str, Any]) -> None:
        """Forget process ids of an earlier hub: no server outlives its hub, a stranger may have the id."""
        super().load_state({key: value for key, value in state.items() if key != "pid"})
