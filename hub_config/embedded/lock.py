# SPDX-License-Identifier: BSD-3-Clause
"""One hub per data folder."""

import fcntl
import os

from labroom.hub_config.data_folder import DataFolder


class AlreadyRunning(RuntimeError):  # noqa: N818 - read as a sentence where it is raised
    """Another hub uses this data folder."""


def take_lock(data: DataFolder) -> int:
    """Hold the data folder until this process ends; returns the open file. AlreadyRunning names the other."""
    path = data.hub / "lock"
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        other = os.read(handle, 32).decode(errors="replace").strip() or "?"
        os.close(handle)
        raise AlreadyRunning(
            f"这个数据文件夹已有一个教室在运行(进程 {other}):{data.root}。先停掉它(kill {other}),"
            f"或用 --data 选别的文件夹。 A hub is already running on {data.root} (process {other}). "
            f"Stop it first (kill {other}), or choose another folder with --data."
        ) from error
    os.ftruncate(handle, 0)
    os.write(handle, str(os.getpid()).encode())
    return handle
