# SPDX-License-Identifier: BSD-3-Clause
"""nbgrader's ``Execute``, carried out in the sandbox, once for each distinct content."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import Execute
from nbgrader.utils import is_grade, is_solution
from traitlets import Integer

from .outcome import REASONS, Failure
from .outputs import error_output, settle_partial_credit
from .regions import cell_source
from .sandbox import Job, Limits, Ran, run
from .store import OutputStore, job_key
from .stubs import is_untouched
from .work_files import coursedir_of, work_files

_STEPS = {"timeout": "CellTimeoutError", "memory": "MemoryError"}


class ConfinedExecute(Execute):
    """Runs the cells in a confined child, or takes the outputs of an earlier run of the same content."""

    wall_seconds = Integer(180, help="Seconds for one whole notebook.").tag(config=True)
    memory_megabytes = Integer(3072, help="Address space of each process, and memory of all.").tag(
        config=True
    )
    output_megabytes = Integer(10, help="Output of one whole notebook.").tag(config=True)

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any], km: object = None
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """The notebook with outputs; SandboxBroken when that failed for no fault of the learner's."""
        about = resources["nbgrader"]
        job = self.job(nb, about["assignment"], about["student"])
        ran = self.outputs_of(job)
        put_outputs(nb, ran)
        return nb, resources

    def job(self, nb: NotebookNode, lab: str, learner: str) -> Job:
        """What to run for this sanitised notebook of this learner."""
        coursedir = self.coursedir
        seconds = _lab_timeout(coursedir, lab) or self.timeout or 0
        limits = Limits(
            cell_seconds=seconds,
            wall_seconds=max(self.wall_seconds, 2 * seconds),
            memory=self.memory_megabytes << 20,
            output=self.output_megabytes << 20,
        )
        cells = tuple(
            {"source": cell.source, "tags": list(cell.metadata.get("tags", []))}
            if cell.cell_type == "code"
            else None
            for cell in nb.cells
        )
        kernel = self.kernel_name or nb.metadata.get("kernelspec", {}).get("name", "python3")
        language = nb.metadata.get("labroom", {}).get("language", "")
        return Job(cells, kernel, str(language), work_files(coursedir, lab, learner), limits)

    def outputs_of(self, job: Job) -> Ran:
        """What an earlier run left in the course's store, else a new run, kept there."""
        key = job_key(job)
        ran = self.store.load(key)
        if ran is None:
            ran = run(job)
            self.store.save(key, ran)
        return ran

    @property
    def store(self) -> OutputStore:
        """The course's store of outputs."""
        return OutputStore(Path(self.coursedir.root))

    @property
    def coursedir(self) -> CourseDirectory:
        """The course that this run belongs to."""
        return coursedir_of(self)


def _lab_timeout(coursedir: CourseDirectory, lab: str) -> int | None:
    """Seconds per cell that the lab itself asks for (``timeout`` in lab.toml), within reason."""
    path = Path(coursedir.format_path(coursedir.release_directory, ".", lab), "lab.json")
    try:
        seconds = json.loads(path.read_text(encoding="utf-8"))["timeout"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return min(seconds, 600) if isinstance(seconds, int) and seconds > 0 else None


def put_outputs(nb: NotebookNode, ran: Ran) -> None:
    """Put a run's outputs into the cells; cells that did not get their turn get an error that says why."""
    for index, cell in enumerate(nb.cells):
        if cell.cell_type != "code":
            continue
        outputs = ran.outputs.get(index)
        if outputs is None and ran.failure is not None and cell.source.strip():
            reason = REASONS[ran.failure.kind]
            outputs = [error_output("NotRun", f"{reason['zh']} {reason['en']}")]
        outputs = list(outputs or [])
        if is_grade(cell) and not is_solution(cell):
            outputs, _ = settle_partial_credit(outputs, float(cell.metadata.nbgrader["points"]))
        cell.outputs = [
            NotebookNode(output) for output in json.loads(json.dumps(outputs), object_hook=NotebookNode)
        ]
        cell.execution_count = ran.counts.get(index)


def failure_of(nb: NotebookNode, ran: Ran, released: Mapping[str, Mapping[str, Any]]) -> Failure | None:
    """How the learner's code failed, if it did: how the run ended, else the first cell that went wrong.

    A failing test is no failure of this kind, and an exercise that was left untouched is none either.
    """
    if ran.failure is not None:
        return ran.failure
    for kind, name in _STEPS.items():
        for index in sorted(ran.outputs):
            if any(o.get("ename") == name for o in ran.outputs[index]):
                return Failure(kind, index)  # type: ignore[arg-type]
    for index in sorted(ran.outputs):
        cell = nb.cells[index]
        if (is_grade(cell) and not is_solution(cell)) or "raises-exception" in cell.metadata.get("tags", []):
            continue
        original = released.get(cell.metadata.get("nbgrader", {}).get("grade_id", ""))
        if original is not None and is_solution(cell) and is_untouched(cell.source, cell_source(original)):
            continue
        for output in ran.outputs[index]:
            if output["output_type"] == "error" and output["ename"] != "NotImplementedError":
                return Failure("error", index, f"{output['ename']}: {output['evalue']}"[:200])
    return None
