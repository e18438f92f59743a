# SPDX-License-Identifier: BSD-3-Clause
"""System calls that Landlock does not cover and no notebook needs, refused by a seccomp filter.

Landlock says nothing about connecting to a socket file. Without this, a notebook could ask a container
engine, a session bus or a terminal multiplexer of the same user to run something outside.

It says nothing about ``chmod`` by path either. Everybody's files belong to one system user, so a notebook
could close another person's home. Calls that change a mode by path therefore do nothing, and say that they
succeeded: ``shutil.copy`` and many others make them in passing. ``fchmod`` stays, for it needs an open file.
"""

import ctypes
import errno
import platform
import struct
import sys
from collections.abc import Iterable

AF_UNIX, AF_INET, AF_INET6, AF_NETLINK = 1, 2, 10, 16
_PR_SET_SECCOMP, _MODE_FILTER = 22, 2
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_X32 = 0x40000000

# socket, then what is refused outright: io_uring (opens sockets by another way), the key store (shared by
# all programs of one system user) and file_setattr; then what does nothing: chmod, fchmodat, fchmodat2.
_Calls = tuple[int, tuple[int, ...], tuple[int, ...]]
_GENERIC: _Calls = (198, (425, 217, 218, 219, 469), (53, 452))
_TABLES: dict[str, tuple[int, _Calls]] = {
    "x86_64": (0xC000003E, (41, (425, 248, 249, 250, 469), (90, 268, 452))),
    "aarch64": (0xC00000B7, _GENERIC),
    "riscv64": (0xC00000F3, _GENERIC),
    "loongarch64": (0xC0000102, _GENERIC),
}


def can_filter() -> bool:
    """Whether we know this machine's system call numbers."""
    return sys.platform == "linux" and sys.byteorder == "little" and platform.machine() in _TABLES


def allow_sockets(families: Iterable[int]) -> None:
    """From now on ``socket()`` makes only these kinds and ``chmod()`` does nothing. Cannot be undone.

    ``socketpair()`` and ``fchmod()`` stay.

    ``no_new_privs`` must have been set. Raises OSError where the kernel or the machine cannot.
    """
    if not can_filter():
        raise OSError(errno.ENOSYS, f"no system call table for {platform.machine()}")
    program = _program(platform.machine(), tuple(families))
    code = ctypes.create_string_buffer(b"".join(program), 8 * len(program))
    filter_ = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(filter_), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_SECCOMP)")


def _program(machine: str, families: tuple[int, ...]) -> list[bytes]:
    architecture, (socket_call, refused, idle) = _TABLES[machine]
    steps = [_step(_LOAD, _ARCHITECTURE), _step(_IF_EQUAL, architecture, then=1), _fail(errno.ENOSYS)]
    steps.append(_step(_LOAD, _NUMBER))
    if machine == "x86_64":
        steps += [_step(_IF_AT_LEAST, _X32, otherwise=1), _fail(errno.ENOSYS)]
    for number in refused:
        steps += [_step(_IF_EQUAL, number, otherwise=1), _fail(errno.EPERM)]
    for number in idle:
        steps += [_step(_IF_EQUAL, number, otherwise=1), _fail(0)]
    steps += [_step(_IF_EQUAL, socket_call, then=1), _step(_RETURN, _ALLOW), _step(_LOAD, _FIRST_ARGUMENT)]
    for family in families:
        steps += [_step(_IF_EQUAL, family, otherwise=1), _step(_RETURN, _ALLOW)]
    return [*steps, _fail(errno.EAFNOSUPPORT)]


def _step(code: int, value: int, *, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("<HBBI", code, then, otherwise, value)


def _fail(number: int) -> bytes:
    return _step(_RETURN, _ERRNO | number)
