# SPDX-License-Identifier: BSD-3-Clause
"""Start a confined program so that nothing it starts can outlive it.

The command becomes the first process of a process namespace of its own, in a network of its own, where
the kernel allows it; when it ends, the kernel ends all others there at once. Elsewhere this program
adopts every orphan and kills until none is left. Confinement itself is ``confine.py``.
"""

import ctypes
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from .confine import CannotConfine, Confinement, clean_environment, confine
from .landlock import adopt_orphans, die_with_parent
from .network import leave_network

_CLONE_NEWUSER, _CLONE_NEWPID = 0x10000000, 0x20000000


def own_processes() -> bool:
    """Children of this process will live in a process namespace of their own; False where not allowed."""
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWPID) == 0:
        return True
    uid, gid = os.geteuid(), os.getegid()
    if libc.unshare(_CLONE_NEWUSER | _CLONE_NEWPID) != 0:
        return False
    try:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    except OSError:
        pass  # a confined grader may not write there; only names differ then
    return True


def descendants(root: int) -> dict[int, int]:
    """Process id -> resident bytes of everything below ``root``, as far as it can be seen."""
    parents, sizes = {}, {}
    page = os.sysconf("SC_PAGE_SIZE")
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                fields = Path(entry.path, "stat").read_text(errors="replace").rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(fields[1])
            sizes[int(entry.name)] = int(fields[21]) * page
    below = {root}
    for _ in parents:
        more = {pid for pid, parent in parents.items() if parent in below} - below
        if not more:
            break
        below |= more
    return {pid: sizes[pid] for pid in below if pid in sizes and pid != root}


def _children() -> Iterator[int]:
    try:
        pids = list(descendants(os.getpid()))
    except OSError:
        pids = []  # no /proc to look into: the namespace or the parent's group kill must do
    yield from pids


def _kill_all() -> None:
    """Kill whatever is left below this process, until nothing is."""
    while True:
        for pid in _children():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        try:
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _become(limits: dict[str, int], writable: Path, command: list[str], own_network: bool) -> None:
    """Confine this process, with nothing in its environment, and become the command."""
    wanted = Confinement(
        write=(writable,),
        # Without a network of its own not even TCP on this machine; a kernel then talks by socket files.
        no_network=not own_network,
        unix_sockets=not own_network,
        memory=limits["memory"],
        cpu_seconds=limits["cpu_seconds"],
        file_size=limits["file_size"],
    )
    try:
        confine(wanted)
        # After the credentials have changed: changing them forgets this wish.
        die_with_parent(signal.SIGKILL)
        os.execve(command[0], command, clean_environment(dict(os.environ)))  # noqa: S606 - a list, no shell
    except (CannotConfine, OSError) as error:
        os.write(2, f"enclose: {error}\n".encode())
    finally:
        os._exit(126)


def main() -> None:
    """``LIMITS-AS-JSON WRITABLE-FOLDER COMMAND…``: run it, leave nothing behind, exit with its status."""
    limits, writable, command = json.loads(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    parent = os.getppid()
    die_with_parent(signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("enclose: the parent ended meanwhile")
    adopt_orphans()
    own_processes()
    # At once, while this process still has the rights that a new user namespace gives.
    own_network = leave_network()
    child = os.fork()
    if child == 0:
        _become(limits, writable, command, own_network)

    def stop(_number: int, _frame: FrameType | None) -> None:
        os.kill(child, signal.SIGKILL)

    signal.signal(signal.SIGTERM, stop)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    _kill_all()
    os._exit(status if status >= 0 else 128 - status)


if __name__ == "__main__":
    main()
