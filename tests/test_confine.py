# SPDX-License-Identifier: BSD-3-Clause
"""A confined program reaches what it is given and nothing else."""

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from labroom.autograder import confine
from labroom.autograder.confine import Confinement, command_line, landlock_abi, level_of

needs_landlock = pytest.mark.skipif(level_of(landlock_abi()) == "none", reason="this kernel has no Landlock")
needs_scopes = pytest.mark.skipif(
    level_of(landlock_abi()) != "full", reason="this kernel's Landlock is older"
)


def run(
    wanted: Confinement, code: str, *, clean_env: bool = False, log: Path | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run Python code confined."""
    command = command_line(wanted, [sys.executable, "-I", "-c", code], clean_env=clean_env, log=log)
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@needs_landlock
def test_reads_and_writes_only_where_allowed(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "lesson").mkdir()
    (tmp_path / "lesson" / "a.txt").write_text("a")
    (tmp_path / "secret").write_text("s")
    code = f"""
import errno
import os
home, lesson, secret = {str(tmp_path / "home")!r}, {str(tmp_path / "lesson")!r}, {str(tmp_path / "secret")!r}
open(home + "/mine", "w").write("m")
print(open(lesson + "/a.txt").read())
for action in (
    lambda: open(lesson + "/a.txt", "a"), lambda: open(secret), lambda: os.listdir({str(tmp_path)!r}),
    lambda: os.rename(home + "/mine", lesson + "/mine"), lambda: os.link(secret, home + "/s"),
    lambda: os.truncate(secret, 0), lambda: os.mkfifo({str(tmp_path / "f")!r}),
    lambda: open("/etc/shadow"), lambda: open("/proc/self/environ"), lambda: os.listdir("/dev/shm"),
):
    try:
        action()
    except OSError as error:
        print(type(error).__name__)
    else:
        print("done")
"""
    done = run(Confinement(read=(tmp_path / "lesson",), write=(tmp_path / "home",)), code)
    assert done.returncode == 0, done.stderr
    assert "done" not in done.stdout.split()
    assert done.stdout.split()[0] == "a"
    assert (tmp_path / "secret").read_text() == "s"


@needs_landlock
def test_single_file_can_be_allowed(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("1")
    (tmp_path / "two").write_text("2")
    code = f"print(open({str(tmp_path / 'one')!r}).read()); open({str(tmp_path / 'two')!r})"
    done = run(Confinement(read=(tmp_path / "one",)), code)
    assert done.stdout == "1\n"
    assert "PermissionError" in done.stderr


@needs_landlock
def test_has_no_capability_left(tmp_path: Path) -> None:
    status = Path("/proc") / "self" / "status"
    wanted = Confinement(read=(Path("/proc"),), write=(tmp_path,))
    done = run(wanted, f"print(open({str(status)!r}).read())")
    capabilities = dict(line.split(":\t") for line in done.stdout.splitlines() if line.startswith("Cap"))
    assert capabilities["CapEff"] == capabilities["CapPrm"] == capabilities["CapAmb"] == "0" * 16
    assert "NoNewPrivs:\t1" in done.stdout
    if os.geteuid() == 0:
        assert capabilities["CapBnd"] == "0" * 16


@needs_scopes
def test_cannot_signal_others(tmp_path: Path) -> None:
    done = run(Confinement(write=(tmp_path,)), f"import os; os.kill({os.getpid()}, 0)")
    assert "PermissionError" in done.stderr


@needs_landlock
def test_can_signal_its_own_children(tmp_path: Path) -> None:
    code = "import subprocess; p = subprocess.Popen(['sleep', '60']); p.terminate(); print(p.wait(10))"
    assert run(Confinement(write=(tmp_path,)), code).stdout == f"{-signal.SIGTERM}\n"


@needs_landlock
def test_no_network_means_own_loopback_only(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code = f"""
import socket
try:
    socket.create_connection(("127.0.0.1", {port}), 2)
except OSError as error:
    print("refused")
"""
        assert run(Confinement(write=(tmp_path,), no_network=True), code).stdout == "refused\n"
        assert run(Confinement(write=(tmp_path,)), code).stdout == ""


@needs_landlock
def test_memory_limit_ends_in_memory_error(tmp_path: Path) -> None:
    done = run(Confinement(write=(tmp_path,), memory=300 << 20), "x = bytearray(500 << 20)")
    assert "MemoryError" in done.stderr


@needs_landlock
def test_cpu_limit_ends_an_endless_loop(tmp_path: Path) -> None:
    done = run(Confinement(write=(tmp_path,), cpu_seconds=1), "while True: pass")
    assert done.returncode in (-signal.SIGXCPU, -signal.SIGKILL)


@needs_landlock
def test_clean_environment_has_no_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "t")
    done = run(Confinement(write=(tmp_path,)), "import os; print(sorted(os.environ))", clean_env=True)
    assert "TOKEN" not in done.stdout
    assert "PATH" in done.stdout


@needs_landlock
def test_log_is_written_inside_and_never_through_a_link(tmp_path: Path) -> None:
    home, outside = tmp_path / "home", tmp_path / "outside"
    home.mkdir()
    outside.write_text("keep")
    assert run(Confinement(write=(home,)), "print('hello')", log=home / "log").stdout == ""
    assert (home / "log").read_text() == "hello\n"
    (home / "log").unlink()
    (home / "log").symlink_to(outside)
    assert run(Confinement(write=(home,)), "print('hello')", log=home / "log").returncode != 0
    assert outside.read_text() == "keep"


@needs_landlock
def test_code_in_the_working_folder_is_not_imported_before_the_door_is_shut(tmp_path: Path) -> None:
    (tmp_path / "argparse.py").write_text("raise SystemExit('imported from the home')")
    (tmp_path / "labroom").mkdir()
    (tmp_path / "labroom" / "__init__.py").write_text("raise SystemExit('imported from the home')")
    command = command_line(Confinement(write=(tmp_path,)), ["/bin/echo", "fine"])
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("fine\n", "")


@needs_landlock
def test_ends_with_its_parent(tmp_path: Path) -> None:
    command = command_line(Confinement(write=(tmp_path,)), ["sleep", "300"])
    starter = f"""
import subprocess, sys
print(subprocess.Popen({command!r}).pid, flush=True)
sys.stdin.read()
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", starter], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    assert parent.stdin is not None
    child = int(parent.stdout.readline())
    name = Path(f"/proc/{child}/comm")
    deadline = time.monotonic() + 20
    while name.read_text() != "sleep\n":
        assert time.monotonic() < deadline
    parent.kill()
    parent.wait()
    while name.exists() and "State:\tZ" not in Path(f"/proc/{child}/status").read_text():
        assert time.monotonic() < deadline, "the confined child outlived its parent"
        time.sleep(0.02)
    parent.stdin.close()
    parent.stdout.close()


@needs_landlock
def test_self_test_passes_for_a_secret_outside(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "secret").write_text("s")
    assert confine.self_test(tmp_path / "secret", home=tmp_path / "home").passed


@needs_landlock
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_self_test_fails_for_a_secret_in_reach(tmp_path: Path, kind: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s") if kind == "file" else secret.mkdir()
    result = confine.self_test(secret, home=tmp_path)
    assert not result.passed
    assert str(secret) in result.detail


def test_self_test_fails_when_there_is_nothing_to_test_with(tmp_path: Path) -> None:
    assert not confine.self_test(tmp_path / "nowhere", home=tmp_path).passed


def test_data_below_a_path_that_all_may_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shared" / "data").mkdir(parents=True)
    with pytest.raises(confine.CannotConfine, match="--data"):
        confine.refuse_overlap(tmp_path / "shared" / "data", [tmp_path / "shared"])
    confine.refuse_overlap(tmp_path / "shared", [tmp_path / "shared" / "data"])


def test_read_paths_hold_no_courses_no_homes_and_no_whole_etc() -> None:
    paths = confine.system_read_paths()
    repository = Path(__file__).resolve().parent.parent
    for forbidden in (Path("/"), Path("/etc"), Path("/proc"), Path("/home"), Path.home(), repository):
        assert forbidden not in paths
    assert not any(path == repository / "courses" or repository / ".git" == path for path in paths)


@pytest.mark.parametrize(
    ("abi", "level"), [(0, "none"), (2, "none"), (3, "files"), (5, "files"), (7, "full")]
)
def test_level_by_version(abi: int, level: str) -> None:
    assert level_of(abi) == level
    sentence = confine.describe_level(abi)
    assert "隔离" in sentence
    assert "Confinement" in sentence


@needs_landlock
def test_cannot_call_a_program_outside_through_its_socket_file(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    outside = tmp_path / "engine.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(outside))
        server.listen(1)
        code = f"""
import socket
for name in ({str(outside)!r}, "\\0engine"):
    try:
        socket.socket(socket.AF_UNIX).connect(name)
    except OSError as error:
        print(error.errno)
a, b = socket.socketpair()
a.send(b"x")
print(b.recv(1))
"""
        done = run(Confinement(write=(tmp_path / "home",)), code)
    assert done.stdout.split() == [str(errno.EAFNOSUPPORT)] * 2 + ["b'x'"], done.stderr


@needs_landlock
def test_where_there_is_no_namespace_sockets_are_refused(tmp_path: Path) -> None:
    code = f"""
from labroom.autograder import confine
confine.leave_network = lambda: False
print(confine.confine(confine.Confinement(write=({str(tmp_path)!r},), no_network=True)).network)
import socket
try:
    socket.socket()
except OSError as error:
    print(error.errno)
"""
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.split() == ["refused", str(errno.EAFNOSUPPORT)], done.stderr


@needs_landlock
def test_io_uring_and_key_store_are_refused(tmp_path: Path) -> None:
    code = """
import ctypes, platform
libc = ctypes.CDLL(None, use_errno=True)
for number in (425, 250 if platform.machine() == "x86_64" else 219):
    print(libc.syscall(number, 0, 0, 0, 0, 0), ctypes.get_errno())
"""
    assert run(Confinement(write=(tmp_path,)), code).stdout == f"-1 {errno.EPERM}\n" * 2


@needs_landlock
def test_cannot_close_somebody_elses_home_and_may_set_its_own_modes_by_open_file(tmp_path: Path) -> None:
    home, other = tmp_path / "home", tmp_path / "other"
    home.mkdir()
    other.mkdir(mode=0o755)
    other.chmod(0o755)
    code = f"""
import os, shutil
home, other = {str(home)!r}, {str(other)!r}
os.chmod(other, 0)
os.chmod(os.path.basename(other), 0, dir_fd=os.open(os.path.dirname(other), os.O_PATH))
with open(home + "/a", "w") as mine:
    os.fchmod(mine.fileno(), 0o600)
shutil.copy(home + "/a", home + "/b")
print(oct(os.stat(home + "/a").st_mode & 0o777))
"""
    done = run(Confinement(write=(home,)), code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "0o600"
    assert other.stat().st_mode & 0o777 == 0o755
