# SPDX-License-Identifier: BSD-3-Clause
"""The confined child: runs one notebook's cells and says what came out, one JSON line per cell.

Started as ``python -I -m labroom.autograder.runner`` in a fresh folder. Reads one job from standard input:
``{"cells": [{"source", "tags"} | null, …], "kernel", "timeout", "output_limit", "language"}``. What it
prints is data from a stranger; whoever reads it checks it (``outputs.py``). It holds no tests' verdicts,
no gradebook, no solutions. The kernel that runs the cells is a child of this program.
"""

import asyncio
import ctypes
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

_PR_SET_DUMPABLE = 4
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
# What nbgrader's Execute puts where a cell did not end in time.
_TIMED_OUT = {
    "ename": "CellTimeoutError",
    "evalue": "",
    "traceback": ["\x1b[0;31mCellTimeoutError\x1b[0m: No reply from kernel before timeout"],
}


class Channel:
    """Where results go: a private copy of standard output that the kernel does not inherit."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(nowhere, number)

    def say(self, event: str, **facts: Any) -> None:
        """One line, at once."""
        self._out.write(json.dumps({"event": event, **facts}, allow_nan=False) + "\n")
        self._out.flush()

    def stop(self, kind: str, index: int, **facts: Any) -> None:
        """Say how the run ended and end this program; the kernel goes with it."""
        self.say("failed", kind=kind, index=index, **facts)
        os._exit(0)


class Runner(NotebookClient):
    """nbclient with nbgrader's settings, which survives malformed messages and endless output."""

    channel: Channel
    output_limit: int
    _printed = 0

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> Any:
        """Count what is printed; drop a message that no honest kernel sends."""
        self._printed += _weight(msg)
        if self._printed > self.output_limit:
            self.channel.stop("output-limit", cell_index)
        try:
            return super().process_message(msg, cell, cell_index)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            self.channel.say("note", index=cell_index, note="malformed-message", detail=type(error).__name__)
            return None


def _weight(msg: dict[str, Any]) -> int:
    if msg.get("msg_type") == "status":
        return 0
    content = msg.get("content")
    if isinstance(content, dict) and isinstance(content.get("text"), str):
        return len(content["text"]) + 64
    return len(json.dumps(content, default=str))


def _record_error(cell: NotebookNode, reply: dict[str, Any] | None) -> None:
    """As nbgrader's Execute: an error that the kernel reports but did not show still counts."""
    content = (reply or {}).get("content", {})
    if content.get("status") != "error":
        return
    if any(o.output_type == "error" and o.get("ename") == content.get("ename") for o in cell.outputs):
        return
    traceback = content.get("traceback") or ["ERROR: An error occurred while showtraceback was disabled"]
    cell.outputs.append(
        NotebookNode(
            output_type="error",
            ename=content.get("ename", "Error"),
            evalue=content.get("evalue", ""),
            traceback=traceback,
        )
    )


async def _run(job: dict[str, Any], channel: Channel) -> None:
    nb = nbformat.v4.new_notebook()
    nb.cells = [_cell(given) for given in job["cells"]]
    # Socket files only where there is no network of our own, so that no other socket file can be reached.
    way = {} if _has_network() else {"transport": "ipc", "ip": "../k"}
    file = str(Path("../k.json").resolve())
    manager = AsyncKernelManager(kernel_name=job["kernel"], connection_file=file, **way)
    client = Runner(
        nb,
        km=manager,
        timeout=job["timeout"],
        allow_errors=True,
        interrupt_on_timeout=True,
        raise_on_iopub_timeout=True,
        error_on_timeout=_TIMED_OUT,
        startup_timeout=60,
        ipython_hist_file=":memory:",
        resources={"metadata": {"path": str(Path.cwd())}},
    )
    client.channel, client.output_limit = channel, job["output_limit"]

    def on_cell_executed(cell: NotebookNode, execute_reply: dict[str, Any] | None, **_: Any) -> None:
        _record_error(cell, execute_reply)

    client.on_cell_executed = on_cell_executed
    async with client.async_setup_kernel():
        channel.say("ready")
        for index, cell in enumerate(nb.cells):
            if cell.cell_type == "code":
                await _run_cell(client, manager, cell, index, channel)
        channel.say("end")
        # A kernel that is told to go takes a second to say goodbye; nobody waits for it.
        os._exit(0)


async def _run_cell(
    client: Runner, manager: AsyncKernelManager, cell: NotebookNode, index: int, channel: Channel
) -> None:
    try:
        await client.async_execute_cell(cell, index)
    except DeadKernelError:
        process = getattr(manager.provisioner, "process", None)
        channel.stop("killed", index, status=process.poll() if process is not None else None)
    except CellTimeoutError:
        channel.stop("timeout", index)
    outputs = [output for output in cell.outputs if _is_json(output)]
    count = cell.get("execution_count")
    channel.say("cell", index=index, outputs=outputs, count=count if isinstance(count, int) else None)


def _cell(given: dict[str, Any] | None) -> NotebookNode:
    if given is None:
        return nbformat.v4.new_markdown_cell("")
    return nbformat.v4.new_code_cell(given["source"], metadata={"tags": given["tags"]})


def _is_json(output: NotebookNode) -> bool:
    try:
        json.dumps(output, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _has_network() -> bool:
    try:
        with socket.create_server(("127.0.0.1", 0)):
            return True
    except OSError:
        return False


def _settle(work: Path, language: str) -> None:
    """An environment with nothing in it but where to write and which language to speak."""
    places = {"HOME": ".", "TMPDIR": "tmp", "MPLCONFIGDIR": "mpl", "IPYTHONDIR": "ipython"}
    places |= {"JUPYTER_RUNTIME_DIR": "run", "JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "share"}
    places |= {"XDG_CACHE_HOME": "cache"}
    for name, place in places.items():
        (work / place).mkdir(exist_ok=True)
        os.environ[name] = str(work / place)
    os.environ |= dict.fromkeys(_THREADS, "1")
    os.environ |= {
        "NBGRADER_EXECUTION": "autograde",
        "MALLOC_ARENA_MAX": "2",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "PYTHONHASHSEED": "0",
    }
    if language in ("zh", "en"):
        os.environ["LABROOM_LANGUAGE"] = language


def main() -> None:
    """Run the job on standard input; the working folder is where the lab's files lie."""
    job = json.loads(sys.stdin.read())
    channel = Channel()
    # The kernel has the same user: without this it could write into this program's memory.
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    _settle(Path.cwd().parent, job["language"])
    try:
        asyncio.run(_run(job, channel))
    except Exception as error:  # noqa: BLE001 - the boundary of this program: it must say why it ends
        channel.say("broken", detail=f"{type(error).__name__}: {error}"[:2000])
        os._exit(3)


if __name__ == "__main__":
    main()
