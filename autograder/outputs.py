# SPDX-License-Identifier: BSD-3-Clause
"""Checks what comes back from a confined run: only plain notebook outputs of bounded size get through."""

import json
import math
from typing import Any

_STREAMS = ("stdout", "stderr")
_DEEPEST = 40


class NotOutput(ValueError):  # noqa: N818 - read as a sentence where it is raised
    """What a run sent is not what a run may send."""


def read_line(line: bytes) -> dict[str, Any]:
    """One event of a run. Raises NotOutput for anything but a JSON object with a known ``event``."""
    try:
        event = json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise NotOutput("not JSON") from error
    if not isinstance(event, dict) or not isinstance(event.get("event"), str):
        raise NotOutput("not an event")
    return event


def _refuse(name: str) -> None:
    raise NotOutput(f"{name} is no JSON")


def checked_outputs(raw: object) -> tuple[list[dict[str, Any]], int]:
    """Outputs of one cell in notebook format, rebuilt field by field, and how many were dropped."""
    if not isinstance(raw, list):
        return [], 1
    kept = [output for output in (_checked(item) for item in raw) if output is not None]
    return kept, len(raw) - len(kept)


def _checked(item: object) -> dict[str, Any] | None:
    if not isinstance(item, dict):
        return None
    kind = item.get("output_type")
    if kind == "stream":
        name, text = item.get("name"), _text(item.get("text"))
        return (
            {"output_type": kind, "name": name, "text": text}
            if name in _STREAMS and text is not None
            else None
        )
    if kind == "error":
        return _error(item)
    if kind in ("display_data", "execute_result"):
        return _display(kind, item)
    return None


def _error(item: dict[str, Any]) -> dict[str, Any] | None:
    name, value, traceback = item.get("ename"), item.get("evalue"), item.get("traceback")
    if not isinstance(name, str) or not isinstance(value, str) or not isinstance(traceback, list):
        # Something did fail; a malformed report of it must not turn into "no error".
        return error_output("Error", "the kernel reported an error in a form that cannot be read")
    lines = [line for line in traceback if isinstance(line, str)]
    return {"output_type": "error", "ename": name, "evalue": value, "traceback": lines}


def _display(kind: str, item: dict[str, Any]) -> dict[str, Any] | None:
    data, metadata = item.get("data"), item.get("metadata")
    if not isinstance(data, dict):
        return None
    clean: dict[str, Any] = {}
    for mime, value in data.items():
        text = _text(value)
        if text is not None:
            clean[mime] = text
        elif _is_json_type(mime) and _depth(value) < _DEEPEST:
            clean[mime] = value
    output: dict[str, Any] = {
        "output_type": kind,
        "data": clean,
        "metadata": metadata if isinstance(metadata, dict) and _depth(metadata) < _DEEPEST else {},
    }
    if kind == "execute_result":
        count = item.get("execution_count")
        output["execution_count"] = count if isinstance(count, int) and not isinstance(count, bool) else None
    return output


def _is_json_type(mime: str) -> bool:
    return mime == "application/json" or (mime.startswith("application/") and mime.endswith("+json"))


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return "".join(value)
    return None


def _depth(value: object) -> int:
    level, deepest = [value], 0
    while level and deepest <= _DEEPEST:
        deepest += 1
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]
    return deepest


def error_output(name: str, value: str) -> dict[str, Any]:
    """An error output that the grader writes itself, to name a reason."""
    return {"output_type": "error", "ename": name, "evalue": value, "traceback": [f"{name}: {value}"]}


def settle_partial_credit(
    outputs: list[dict[str, Any]], points: float
) -> tuple[list[dict[str, Any]], str | None]:
    """A test cell's outputs such that nbgrader's ``determine_grade`` cannot stumble over them.

    nbgrader 0.9.6 gives full points for NaN and negative numbers, and an exception that ends the whole
    submission for more than ``points`` or an empty result. Here all of these are an error that says so,
    hence 0. Returns the outputs and the reason, None where nothing was wrong.
    """
    for position, output in enumerate(outputs):
        kind = output["output_type"]
        if kind == "error" or (kind == "stream" and output["name"] == "stderr"):
            return outputs, None
        if kind == "execute_result":
            reason = _unusable_credit(output["data"].get("text/plain"), points)
            if reason is None:
                return outputs, None
            error = error_output("PartialCreditError", reason)
            return [*outputs[:position], error, *outputs[position:]], reason
    return outputs, None


def _unusable_credit(text: object, points: float) -> str | None:
    if not text:
        return "the test ended with a result that has no text"
    try:
        value = float(str(text))
    except ValueError:
        return None  # as in nbgrader: a result that is no number is full marks
    if math.isnan(value) or value < 0:
        return f"partial credit {text} is not a number from 0 to {points:g}"
    if value > points:
        return f"partial credit {text} is more than the {points:g} points of the cell"
    return None
