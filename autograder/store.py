# SPDX-License-Identifier: BSD-3-Clause
"""Outputs of runs, kept by what was run: the same submission and grader give the same score for ever."""

import hashlib
import importlib.metadata
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .outcome import Failure
from .outputs import checked_outputs
from .sandbox import Job, Ran

# Raise it when a change of the engine can change an output.
ENGINE = 1


@dataclass(frozen=True)
class OutputStore:
    """``<course>/.labroom/outputs``: one JSON file per distinct job."""

    course: Path

    def path(self, key: str) -> Path:
        """Where the outputs of this job are or will be."""
        return self.course / ".labroom" / "outputs" / key[:2] / f"{key}.json"

    def load(self, key: str) -> Ran | None:
        """Outputs of an earlier run, None where there is none that can be read whole."""
        try:
            raw = json.loads(self.path(key).read_text(encoding="utf-8"))
            return Ran(
                outputs={int(i): checked_outputs(cell)[0] for i, cell in raw["outputs"].items()},
                counts={int(i): count for i, count in raw["counts"].items()},
                failure=Failure(**raw["failure"]) if raw["failure"] is not None else None,
                notes=tuple(raw["notes"]),
                seconds=float(raw["seconds"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def save(self, key: str, ran: Ran) -> None:
        """Keep the outputs of a run; whole or not at all."""
        record = {
            "outputs": {str(i): outputs for i, outputs in ran.outputs.items()},
            "counts": {str(i): count for i, count in ran.counts.items()},
            "failure": asdict(ran.failure) if ran.failure is not None else None,
            "notes": list(ran.notes),
            "seconds": ran.seconds,
        }
        write_whole(self.path(key), json.dumps(record, ensure_ascii=False))

    def forget(self, key: str) -> None:
        """Run this job anew next time."""
        self.path(key).unlink(missing_ok=True)


def grader_version() -> str:
    """What a score depends on besides the submission: this program's version and its engine's number."""
    return f"{importlib.metadata.version('labroom')}+{ENGINE}"


def job_key(job: Job) -> str:
    """SHA-256 of everything that a run's outputs depend on."""
    content: dict[str, Any] = {
        "grader": grader_version(),
        "cells": job.cells,
        "kernel": job.kernel,
        "language": job.language,
        "files": {
            name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in sorted(job.files.items())
        },
        "limits": asdict(job.limits),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def write_whole(path: Path, text: str) -> None:
    """Write a file so that a reader, or a crash, never meets half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name[:80]}.{secrets.token_hex(4)}")
    with part.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
