# SPDX-License-Identifier: BSD-3-Clause
"""What every confined Python program may read: Python, our packages, system libraries, single /etc files."""

import sys
from collections.abc import Iterable
from pathlib import Path

# A container's or a village laptop's root account may read all of /etc, so never the folder as a whole.
_ETC = """
    alternatives fonts gai.conf group host.conf hosts ld.so.cache ld.so.conf ld.so.conf.d locale.alias
    localtime matplotlibrc mime.types nsswitch.conf os-release passwd protocols resolv.conf services
    ssl/certs ssl/openssl.cnf pki/tls/certs ca-certificates timezone
"""
# Facts about the machine, none about a process: psutil and numpy ask for them when imported.
_MACHINE = """
    /proc/cpuinfo /proc/loadavg /proc/meminfo /proc/stat /proc/uptime /proc/version
    /proc/sys/kernel/osrelease /sys/devices/system/cpu
"""
_SYSTEM = "/usr /bin /sbin /lib /lib32 /lib64 /var/cache/fontconfig"
DEVICES = tuple(Path("/dev") / name for name in ("null", "zero", "full", "random", "urandom"))


class CannotConfine(RuntimeError):  # noqa: N818 - read as a sentence where it is raised
    """The machine cannot give the confinement asked for, or the paths would make it void."""


def system_read_paths() -> list[Path]:
    """What any Python program needs to read. Never courses, data, homes, or a whole /etc or /proc."""
    ours = Path(__file__).resolve().parent.parent
    paths = [Path(sys.prefix), Path(sys.base_prefix), Path(sys.exec_prefix)]
    paths += [ours / name for name in ("autograder", "hub_config", "tools")]
    paths += [Path(name) for name in (_SYSTEM + _MACHINE).split()]
    paths += [Path("/etc") / name for name in _ETC.split()]
    return sorted({path.resolve() for path in paths if path.exists()})


def refuse_overlap(secret: Path, allowed: Iterable[Path]) -> None:
    """CannotConfine when ``secret`` lies in an allowed path: Landlock only allows, it cannot except."""
    secret = secret.resolve()
    for path in allowed:
        resolved = path.resolve()
        if secret == resolved or resolved in secret.parents:
            raise CannotConfine(
                f"数据不能放在 {secret}:每个人的程序都要读 {resolved}。请用 --data 选别的文件夹。 "
                f"The data cannot be kept in {secret}: everybody's programs must read {resolved}. "
                "Choose another folder with --data."
            )
