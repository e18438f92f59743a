# SPDX-License-Identifier: BSD-3-Clause
"""Runs one notebook in a confined child program and reads back, with limits, what it printed."""

import contextlib
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .confine import clean_environment, self_test
from .enclose import descendants
from .outcome import Failure, FailureKind
from .outputs import NotOutput, checked_outputs, read_line

_LOOK_SECONDS = 0.25
_TEXT_LIMIT = 64 * 1024


class SandboxBroken(RuntimeError):  # noqa: N818 - read as a sentence where it is raised
    """The run could not be started or carried out, and that is not the learner's doing."""


@dataclass(frozen=True)
class Limits:
    """What one submission may use: seconds per cell, seconds in all, bytes."""

    cell_seconds: int = 30
    wall_seconds: int = 180
    memory: int = 3 << 30
    output: int = 10 << 20
    processes: int = 128
    disk: int = 512 << 20


@dataclass(frozen=True)
class Job:
    """A sanitised notebook's cells (None where there is no code) and the files beside it, as bytes."""

    cells: tuple[Mapping[str, Any] | None, ...]
    kernel: str = "python3"
    language: str = ""
    files: Mapping[str, Path] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Ran:
    """What came out: outputs and execution counts by cell index, how it ended, and remarks."""

    outputs: Mapping[int, list[dict[str, Any]]]
    counts: Mapping[int, int | None]
    failure: Failure | None = None
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


def check_sandbox(secret: Path) -> None:
    """A confined child must fail to read ``secret``, an existing file. Raises SandboxBroken if it can."""
    with _work_folder() as work:
        tested = self_test(secret, home=work)
    if not tested.passed:
        raise SandboxBroken(
            f"这台机器不能隔离学员的代码，所以没有评分。 "
            f"Learners' code cannot be confined on this machine, so nothing was graded: {tested.detail}"
        )


def run(job: Job) -> Ran:
    """Run the job's cells confined, in a fresh folder that is gone afterwards.

    A run that ended for a reason that may not be the learner's (killed from outside) is tried once more.
    Raises SandboxBroken when no cell could be run at all.
    """
    ran = _run_once(job)
    if ran.failure is not None and ran.failure.kind == "killed" and ran.failure.detail in ("-9", "lost"):
        return _run_once(job)
    return ran


def _run_once(job: Job) -> Ran:
    started = time.monotonic()
    with _work_folder() as work:
        lab = work / "lab"
        lab.mkdir()
        for name, path in job.files.items():
            target = lab / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            target.chmod(0o600)
        _share_font_list(work / "mpl")
        reading = _watch(job, work, lab)
    if not reading.ready:
        detail = (
            reading.broken or reading.complaint.decode(errors="replace").strip()[-2000:] or "no reason given"
        )
        raise SandboxBroken(f"the confined run did not start: {detail}")
    if reading.broken:
        raise SandboxBroken(f"the confined run broke: {reading.broken}")
    return Ran(
        reading.outputs, reading.counts, reading.failure, tuple(reading.notes), time.monotonic() - started
    )


@contextlib.contextmanager
def _work_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="labroom-"))
    try:
        yield folder.resolve()
    finally:
        # A learner may have taken the rights off own folders; root or not, they must go.
        for path in [folder, *(Path(root) for root, _, _ in os.walk(folder))]:
            with contextlib.suppress(OSError):
                path.chmod(0o700)
        shutil.rmtree(folder, ignore_errors=True)


def _share_font_list(target: Path) -> None:
    """matplotlib's list of fonts, if there is one: making it anew costs each run a second or more."""
    for cache in (os.environ.get("MPLCONFIGDIR"), Path.home() / ".cache" / "matplotlib"):
        lists = list(Path(cache).glob("fontlist-*.json")) if cache else []
        if lists:
            target.mkdir()
            shutil.copyfile(lists[0], target / lists[0].name)
            return


def _start(job: Job, work: Path, lab: Path) -> subprocess.Popen[bytes]:
    python = [sys.executable, "-I", "-m"]
    limits = {
        "memory": job.limits.memory,
        "cpu_seconds": job.limits.wall_seconds,
        "file_size": job.limits.disk,
    }
    enclosed = [*python, "labroom.autograder.enclose", json.dumps(limits), str(work)]
    return subprocess.Popen(
        [*enclosed, *python, "labroom.autograder.runner"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=lab,
        env=clean_environment(dict(os.environ)),
        start_new_session=True,
    )


@dataclass
class _Reading:
    outputs: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    counts: dict[int, int | None] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    failure: Failure | None = None
    ready: bool = False
    ended: bool = False
    broken: str = ""
    complaint: bytes = b""
    received: int = 0


def _watch(job: Job, work: Path, lab: Path) -> _Reading:
    reading = _Reading()
    process = _start(job, work, lab)
    try:
        _send(process, job)
        _follow(process, job, work, reading)
    finally:
        _end(process)
    if not reading.ended and reading.failure is None and reading.ready and not reading.broken:
        _fail(reading, "killed", "lost")
    return reading


def _send(process: subprocess.Popen[bytes], job: Job) -> None:
    assert process.stdin is not None
    told = {
        "cells": job.cells,
        "kernel": job.kernel,
        "language": job.language,
        "timeout": job.limits.cell_seconds,
        "output_limit": job.limits.output,
    }
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(json.dumps(told).encode())
        process.stdin.close()


def _follow(process: subprocess.Popen[bytes], job: Job, work: Path, reading: _Reading) -> None:
    deadline = time.monotonic() + job.limits.wall_seconds
    pending = b""
    assert process.stdout is not None
    assert process.stderr is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ, "out")
        selector.register(process.stderr, selectors.EVENT_READ, "err")
        while selector.get_map() and not reading.ended and reading.failure is None and not reading.broken:
            for key, _ in selector.select(_LOOK_SECONDS):
                piece = os.read(key.fd, 1 << 16)
                if not piece:
                    selector.unregister(key.fileobj)
                elif key.data == "err":
                    reading.complaint = (reading.complaint + piece)[-_TEXT_LIMIT:]
                else:
                    *lines, pending = (pending + piece).split(b"\n")
                    _take(lines, reading, job, len(piece))
            if time.monotonic() > deadline:
                _fail(reading, "timeout", f"{job.limits.wall_seconds} s")
            elif reading.failure is None and not reading.ended:
                _check_use(process.pid, job.limits, work, reading)


def _take(lines: list[bytes], reading: _Reading, job: Job, size: int) -> None:
    reading.received += size
    # JSON writes one byte as up to six characters.
    if reading.received > 6 * job.limits.output + (1 << 20):
        _fail(reading, "output-limit", "result")
        return
    for line in lines:
        try:
            _note_event(read_line(line), reading, len(job.cells))
        except NotOutput as error:
            _fail(reading, "killed", str(error))


def _note_event(event: dict[str, Any], reading: _Reading, cells: int) -> None:
    name, index = event["event"], event.get("index")
    known = isinstance(index, int) and 0 <= index < cells
    if name == "ready":
        reading.ready = True
    elif name == "end":
        reading.ended = True
    elif name == "cell" and known:
        assert isinstance(index, int)
        reading.outputs[index], dropped = checked_outputs(event.get("outputs"))
        count = event.get("count")
        reading.counts[index] = count if isinstance(count, int) else None
        if dropped:
            reading.notes.append(f"cell {index}: {dropped} malformed output(s) left out")
    elif name == "note" and known and len(reading.notes) < 20:
        reading.notes.append(f"cell {index}: malformed message left out")
    elif name == "failed" and event.get("kind") in ("output-limit", "timeout", "killed"):
        reading.failure = Failure(event["kind"], index if known else None, str(event.get("status", ""))[:80])
    elif name == "broken":
        reading.broken = str(event.get("detail"))[:2000]


def _fail(reading: _Reading, kind: FailureKind, detail: str) -> None:
    if reading.failure is None and reading.ready:
        reading.failure = Failure(kind, None, detail)
    elif not reading.ready:
        reading.broken = reading.broken or f"{kind} ({detail}) before the first cell"


def _check_use(pid: int, limits: Limits, work: Path, reading: _Reading) -> None:
    with contextlib.suppress(OSError):
        sizes = descendants(pid)
        if sum(sizes.values()) > limits.memory:
            _fail(reading, "memory", f"{limits.memory >> 20} MB")
        if len(sizes) > limits.processes:
            _fail(reading, "killed", f"more than {limits.processes} processes")
    with contextlib.suppress(OSError):
        if _folder_size(work) > limits.disk:
            _fail(reading, "output-limit", f"more than {limits.disk >> 20} MB of files")


def _folder_size(folder: Path) -> int:
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += Path(root, name).lstat().st_blocks * 512
    return total


def _end(process: subprocess.Popen[bytes]) -> None:
    """The child and all it started are gone when this returns."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
