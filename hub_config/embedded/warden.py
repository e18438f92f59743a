# SPDX-License-Identifier: BSD-3-Clause
"""Runs the hub and makes sure that nothing of it is left, whoever of launcher, warden and hub ends first.

The warden adopts every orphan below it. It lives as long as a pipe from the launcher is open; when
the pipe closes (also by ``kill -9`` of the launcher) or the hub ends, it stops all that is below it.
If the warden itself is killed, the kernel ends the hub and the launcher, which adopts too, cleans up.
"""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

import psutil  # type: ignore[import-untyped]

from labroom.autograder.landlock import adopt_orphans, die_with_parent

POLITE_SECONDS = 6.0
"""How long the hub may take to end after SIGTERM before all of it is killed; the promise is 10 s."""


def start_warden(
    command: Sequence[str], *, log: int, environment: dict[str, str]
) -> "subprocess.Popen[bytes]":
    """Start ``command`` under a warden. Closing the returned process's stdin stops everything."""
    adopt_orphans()
    line = [sys.executable, "-I", "-m", "labroom.hub_config.embedded.warden", *command]
    # A session of its own: the terminal's Ctrl-C goes to the launcher only, which stops things in order.
    return subprocess.Popen(
        line, stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment, start_new_session=True
    )


def kill_descendants(seconds: float = 3.0) -> list[int]:
    """Kill -9 all processes below this one, again until none is left; returns the ids that resisted."""
    deadline = time.monotonic() + seconds
    left: list[psutil.Process] = []
    while True:
        left = [child for child in psutil.Process().children(recursive=True) if child.is_running()]
        for child in left:
            try:
                child.kill()
            except psutil.NoSuchProcess:
                continue
        _reap()
        if not left or time.monotonic() > deadline:
            return [child.pid for child in left]
        psutil.wait_procs(left, timeout=0.2)


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def main() -> None:
    """Run the command in ``sys.argv`` until it ends or standard input closes, then leave nothing behind."""
    adopt_orphans()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the launcher says when, by closing the pipe
    hub = subprocess.Popen(
        sys.argv[1:],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_fresh_signals,  # no thread is running yet
    )
    handle = os.pidfd_open(hub.pid) if hasattr(os, "pidfd_open") else None
    ready: list[int] = []
    while not ready and hub.poll() is None:
        waited_for = [0] if handle is None else [0, handle]
        ready = select.select(waited_for, [], [], None if handle is not None else 1.0)[0]
    asked = 0 in ready
    if asked and hub.poll() is None:
        hub.send_signal(signal.SIGTERM)
        try:
            hub.wait(POLITE_SECONDS)
        except subprocess.TimeoutExpired:
            print("warden: the hub did not stop in time; killing it", file=sys.stderr)  # noqa: T201
    status = hub.poll()
    if left := kill_descendants():
        print(f"warden: still running: {left}", file=sys.stderr)  # noqa: T201
    sys.exit(0 if asked else status or 1)


def _fresh_signals() -> None:
    # A script's background job starts children with SIGINT ignored; then services would not hear it.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    die_with_parent(signal.SIGKILL)


if __name__ == "__main__":
    main()
