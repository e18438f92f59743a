# SPDX-License-Identifier: BSD-3-Clause
"""Start a program that can touch only what it is given.

``python -I -m labroom.autograder.confine --read PATH --write PATH -- COMMAND`` confines itself, then
becomes COMMAND. Always with ``-I``: else a file in the working folder could be imported before the
door is shut. What is confined, and what is not: docs/hub.md.
"""

import argparse
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from . import landlock, seccomp
from .landlock import landlock_abi
from .network import leave_network
from .readable import DEVICES, CannotConfine, refuse_overlap, system_read_paths

__all__ = [
    "CannotConfine",
    "Confined",
    "Confinement",
    "SelfTest",
    "clean_environment",
    "command_line",
    "confine",
    "describe_level",
    "landlock_abi",
    "level_of",
    "refuse_overlap",
    "self_test",
    "system_read_paths",
]

Level = Literal["full", "files", "none"]

_KEPT_WHEN_CLEAN = ("PATH", "LANG", "LC_ALL", "OPENBLAS_CORETYPE", "TZ")

_SENTENCE = {
    "full": (
        "隔离：完整。各人的程序只能读写自己的文件，也不能干扰别人的程序。",
        "Confinement: full. Each person's programs reach only that person's files and cannot disturb others.",
    ),
    "files": (
        "隔离：仅文件。各人的程序只能读写自己的文件，但可能中断别人的程序(内核较旧)。",
        "Confinement: files only. Programs reach only their person's files, but could stop others' programs.",
    ),
    "none": (
        "隔离：无。这台机器的内核不能隔离程序，只供一个人使用。",
        "Confinement: none. This machine's kernel cannot confine programs: for one person only.",
    ),
}


@dataclass(frozen=True)
class Confinement:
    """What a program may touch. Sizes in bytes, time in seconds of CPU; None means no limit of ours.

    ``unix_sockets``: whether it may open socket files and abstract sockets. Only where it needs them: no
    kernel yet keeps a program from calling a container engine or session bus of its user that way.
    """

    read: tuple[Path, ...] = ()
    write: tuple[Path, ...] = ()
    no_network: bool = False
    unix_sockets: bool = False
    memory: int | None = None
    cpu_seconds: int | None = None
    open_files: int = 4096
    file_size: int | None = 2 << 30
    system: bool = True


@dataclass(frozen=True)
class Confined:
    """What was put in force: Landlock version, and how the network was taken away."""

    abi: int
    network: Literal["shared", "namespace", "refused"]


@dataclass(frozen=True)
class SelfTest:
    """Whether a confined child failed to read what it must not and could write what it may."""

    passed: bool
    detail: str


def level_of(abi: int) -> Level:
    """How far Landlock of this version separates people, on this kind of processor."""
    if not seccomp.can_filter():
        return "none"
    return "full" if abi >= 6 else "files" if abi >= 3 else "none"


def describe_level(abi: int | None = None) -> str:
    """One sentence in Chinese and English: how far this machine separates people."""
    return " ".join(_SENTENCE[level_of(landlock_abi() if abi is None else abi)])


def confine(wanted: Confinement) -> Confined:
    """Confine this process and all it will start, for ever. Raises CannotConfine without Landlock."""
    if level_of(landlock_abi()) == "none":
        raise CannotConfine(describe_level())
    _limit(wanted)
    namespace = wanted.no_network and leave_network()
    landlock.no_new_privileges()
    landlock.drop_capabilities()
    read = [*wanted.read, *(system_read_paths() if wanted.system else ())]
    abi = landlock.restrict(read, wanted.write, DEVICES if wanted.system else ())
    families = [seccomp.AF_UNIX] if wanted.unix_sockets else []
    if not wanted.no_network or namespace:
        families += [seccomp.AF_INET, seccomp.AF_INET6, seccomp.AF_NETLINK]
    seccomp.allow_sockets(families)
    if not wanted.no_network:
        return Confined(abi, "shared")
    return Confined(abi, "namespace" if namespace else "refused")


def _limit(wanted: Confinement) -> None:
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_NOFILE, wanted.open_files)
    if wanted.file_size is not None:
        _lower(resource.RLIMIT_FSIZE, wanted.file_size)
    if wanted.memory is not None:
        _lower(resource.RLIMIT_AS, wanted.memory)
    if wanted.cpu_seconds is not None:
        _lower(resource.RLIMIT_CPU, wanted.cpu_seconds)


def _lower(which: int, value: int) -> None:
    hard = resource.getrlimit(which)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(which, (value, value))


def clean_environment(environment: dict[str, str]) -> dict[str, str]:
    """Only what says where programs are and which language they speak; no token, no address."""
    return {key: environment[key] for key in _KEPT_WHEN_CLEAN if key in environment}


def command_line(
    wanted: Confinement, command: Sequence[str], *, clean_env: bool = False, log: Path | None = None
) -> list[str]:
    """The command that confines itself as wanted and then becomes ``command``."""
    line = [sys.executable, "-I", "-m", "labroom.autograder.confine"]
    for path in wanted.read:
        line += ["--read", str(path)]
    for path in wanted.write:
        line += ["--write", str(path)]
    line += ["--no-network"] if wanted.no_network else []
    line += ["--unix-sockets"] if wanted.unix_sockets else []
    line += ["--open-files", str(wanted.open_files)]
    line += ["--file-size", str(wanted.file_size)] if wanted.file_size is not None else []
    line += ["--memory", str(wanted.memory)] if wanted.memory is not None else []
    line += ["--cpu-seconds", str(wanted.cpu_seconds)] if wanted.cpu_seconds is not None else []
    line += ["--clean-env"] if clean_env else []
    line += ["--log", str(log)] if log is not None else []
    return [*line, "--", *command]


_PROBE = """
import sys
secrets, own = sys.argv[1:-1], sys.argv[-1]
for secret in secrets:
    try:
        open(secret, "rb").read(1)
    except IsADirectoryError:
        sys.exit("reached folder " + secret)
    except PermissionError:
        pass
    else:
        sys.exit("could read " + secret)
try:
    open(own, "w").write("ok")
except OSError as error:
    sys.exit("could not write " + own + ": " + str(error))
"""


def self_test(*secrets: Path, home: Path) -> SelfTest:
    """Start a confined child that must fail to open every secret (they must exist) and write in home."""
    missing = [str(secret) for secret in secrets if not secret.exists()]
    if missing:
        return SelfTest(passed=False, detail=f"nothing to test with: {', '.join(missing)} missing")
    own = home / ".confinement-test"
    probe = [sys.executable, "-I", "-c", _PROBE, *(str(secret) for secret in secrets), str(own)]
    done = subprocess.run(
        command_line(Confinement(write=(home,)), probe, clean_env=True),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    own.unlink(missing_ok=True)
    if done.returncode == 0:
        return SelfTest(passed=True, detail=describe_level())
    return SelfTest(passed=False, detail=done.stderr.strip() or f"exit status {done.returncode}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Confine this process as the arguments say, then become the command after ``--``."""
    parser = argparse.ArgumentParser(prog="confine", description=__doc__)
    parser.add_argument("--read", type=Path, action="append", default=[], help="file or folder to read")
    parser.add_argument("--write", type=Path, action="append", default=[], help="file or folder to change")
    parser.add_argument("--no-network", action="store_true", help="nothing but an own loopback")
    parser.add_argument("--unix-sockets", action="store_true", help="may open socket files")
    parser.add_argument("--open-files", type=int, default=4096, help="how many at once")
    parser.add_argument("--file-size", type=int, help="bytes of the largest file it may write")
    parser.add_argument("--memory", type=int, help="bytes of address space for each process")
    parser.add_argument("--cpu-seconds", type=int, help="seconds of CPU for each process")
    parser.add_argument("--clean-env", action="store_true", help="drop tokens and addresses from the env")
    parser.add_argument("--log", type=Path, help="file for what the command prints, made when confined")
    parser.add_argument("command", nargs="+", help="-- COMMAND ARGUMENTS")
    given = parser.parse_args(arguments)
    parent = os.getppid()
    try:
        confine(
            Confinement(
                read=tuple(given.read),
                write=tuple(given.write),
                no_network=given.no_network,
                unix_sockets=given.unix_sockets,
                open_files=given.open_files,
                file_size=given.file_size,
                memory=given.memory,
                cpu_seconds=given.cpu_seconds,
            )
        )
    except (CannotConfine, OSError) as error:
        sys.exit(f"confine: {error}")
    # After the credentials have changed: changing them forgets this wish.
    landlock.die_with_parent(signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("confine: the parent ended meanwhile")
    environment = clean_environment(dict(os.environ)) if given.clean_env else dict(os.environ)
    if temporary := environment.get("TMPDIR"):
        Path(temporary).mkdir(parents=True, exist_ok=True)
    if given.log:
        _print_into(given.log)
    try:
        os.execvpe(given.command[0], given.command, environment)  # noqa: S606 - a list, never a shell
    except OSError as error:
        sys.exit(f"confine: {given.command[0]}: {error.strerror}")


def _print_into(log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)


if __name__ == "__main__":
    main()
