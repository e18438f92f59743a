# SPDX-License-Identifier: BSD-3-Clause
"""Check my work: starts the run, passes its progress on, and makes sure that it ends."""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any

from .lab_folder import LabFolder, LabProblem, read_notebook
from .run_check import ALL_SECONDS

GRACE_SECONDS = 5.0
START_SECONDS = 60.0
MODULE = "labroom.hub_config.notebook.run_check"
# A check needs none of the powers of the person's server.
NOT_PASSED_ON = ("JUPYTERHUB_", "JPY_", "CONFIGPROXY_")
NOTE = {
    "zh": "这里只运行您能看到的检查。最后的分数还要用您看不到的测试来决定，"
    "所以请想一想答案在别的情况下是否也成立。",
    "en": "Only the checks that you can see were run. The final score also uses tests that you cannot see, "
    "so think about whether your answer holds in other cases too.",
}


async def check_work(lab: LabFolder) -> AsyncGenerator[dict[str, Any], None]:
    """Progress ``{"cell", "of"}`` several times, then one ``{"result": …}``.

    The run and its kernel are ended when it takes too long and when the caller stops listening.
    Raises LabProblem when it could not be carried out at all.
    """
    read_notebook(lab.notebook)
    started = time.monotonic()
    arguments = [str(lab.path), str(lab.notebook)]
    if lab.kept_notebook.is_file():
        arguments.append(str(lab.kept_notebook))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        MODULE,
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={name: value for name, value in os.environ.items() if not name.startswith(NOT_PASSED_ON)},
        limit=2**22,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    complaints = asyncio.create_task(process.stderr.read())
    items = None
    try:
        async with asyncio.timeout(ALL_SECONDS + START_SECONDS):
            async for line in process.stdout:
                fact = json.loads(line)
                if "items" in fact:
                    items = fact["items"]
                else:
                    yield fact
    except TimeoutError:
        items = None
    finally:
        await _end(process)
    if items is None:
        raise _could_not_run((await complaints).decode(errors="replace")[-2000:])
    yield {
        "result": {
            "course": lab.course,
            "lab": lab.lab,
            "items": items,
            "note": NOTE,
            "seconds": round(time.monotonic() - started, 1),
        }
    }


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), GRACE_SECONDS)
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _could_not_run(detail: str) -> LabProblem:
    return LabProblem(
        "check-failed",
        500,
        "检查没有运行成功，这不是您的答案的问题。请稍后再试一次；仍可以直接交作业。",
        "The check itself could not be run; this says nothing about your answers. Try again in a moment; "
        "you can hand in all the same.",
        detail,
    )
