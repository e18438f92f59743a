# SPDX-License-Identifier: BSD-3-Clause
"""Run inside a teacher's notebook kernel: tries to reach what is not this teacher's.

``TARGETS`` is put in front of this text by the test. Prints one JSON object: attempt -> "reached" or why not.
"""

import ctypes
import json
import os
import signal
import socket
import subprocess
import urllib.error
import urllib.request

TARGETS: dict = globals().get("TARGETS", {})
FILES, FOLDERS = TARGETS["files"], TARGETS["folders"]
PIDS, WRITES = TARGETS["pids"], TARGETS["writes"]
found = {}
libc = ctypes.CDLL(None, use_errno=True)


def attempt(name, action, *arguments):
    try:
        action(*arguments)
    except Exception as error:
        found[name] = f"{type(error).__name__}: {error}"
    else:
        found[name] = "reached"


def read(path):
    with open(path, "rb") as file:
        file.read(64)


def read_through_shell(path):
    done = subprocess.run(["/bin/sh", "-c", f"cat '{path}' | head -c 64"], capture_output=True)
    if not done.stdout:
        raise PermissionError(done.stderr.decode())


def read_through_link(path, link):
    if os.path.lexists("probe-link"):
        os.unlink("probe-link")
    link(path, "probe-link")
    read("probe-link")


def read_by_steps(path):
    parent = os.open(os.path.dirname(path), os.O_PATH)
    os.close(os.open(os.path.basename(path), os.O_RDONLY, dir_fd=parent))


def open_only(path):
    os.close(os.open(path, os.O_RDONLY))


def write_in(folder):
    with open(os.path.join(folder, "probe-was-here"), "w"):
        pass


def truncate(path):
    os.truncate(path, os.stat(path).st_size)


def stand_in(folder):
    os.rename(folder, folder + "-moved")
    os.rename(folder + "-moved", folder)


def attach(pid):
    if libc.ptrace(16, pid, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")
    os.waitpid(pid, 0x40000000)
    libc.ptrace(17, pid, 0, 0)


def mount_namespace(path):
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", f"mount --bind '{path}' . && ls"],
        capture_output=True,
    )
    if done.returncode:
        raise PermissionError(done.stderr.decode())


def hub_call(path):
    request = urllib.request.Request(
        os.environ["JUPYTERHUB_API_URL"] + path,
        headers={"Authorization": "token " + os.environ["JUPYTERHUB_API_TOKEN"]},
    )
    try:
        urllib.request.urlopen(request, timeout=10).read()
    except urllib.error.HTTPError as error:
        raise PermissionError(str(error)) from None


def connect(name):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(name)


for name, path in FILES.items():
    attempt(f"read {name}", read, path)
    attempt(f"read by shell {name}", read_through_shell, path)
    attempt(f"read by symlink {name}", read_through_link, path, os.symlink)
    attempt(f"read by hard link {name}", read_through_link, path, os.link)
    attempt(f"read by steps {name}", read_by_steps, path)
for name, path in WRITES.items():
    attempt(f"write {name}", truncate, path)
for name, path in FOLDERS.items():
    attempt(f"list {name}", os.listdir, path)
    attempt(f"write in {name}", write_in, path)
    attempt(f"rename {name}", stand_in, path)
    attempt(f"mount {name}", mount_namespace, path)
for name, pid in PIDS.items():
    attempt(f"environment of {name}", read, f"/proc/{pid}/environ")
    attempt(f"memory of {name}", open_only, f"/proc/{pid}/mem")
    attempt(f"files through {name}", os.listdir, f"/proc/{pid}/root/")
    attempt(f"signal {name}", os.kill, pid, 0)
    attempt(f"signal group of {name}", os.killpg, pid, signal.SIGCONT)
    attempt(f"ptrace {name}", attach, pid)
attempt("abstract socket", connect, "\0" + TARGETS["abstract"])
attempt("socket file", connect, TARGETS["socket"])
attempt("list processes", os.listdir, "/proc")
attempt("shared memory", write_in, "/dev/shm")
attempt("temporary folder", os.listdir, "/tmp")
attempt("python prefix", write_in, TARGETS["prefix"])
attempt("hub users", hub_call, "/users")
attempt("hub groups", hub_call, "/groups")
attempt("hub services", hub_call, "/services")
attempt("other's record", hub_call, "/users/" + TARGETS["other"])
attempt("own record", hub_call, "/user")
attempt("own home", write_in, ".")
print(json.dumps(found))  # noqa: T201 - read by the test
