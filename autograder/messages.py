# SPDX-License-Identifier: BSD-3-Clause
"""What a learner reads about one test: the author's sentence, never a traceback or a hidden line."""

import re
from collections.abc import Mapping
from typing import Any

from .outcome import REASONS

_LONGEST = 500
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
# numpy's and pandas' own test functions print the expected value.
_TELLS_ANSWER = re.compile(
    r"DESIRED|ACTUAL|\[right\]|Mismatched elements|Not equal to tolerance", re.IGNORECASE
)
_MISSING_NAME = re.compile(r"name '(\w+)' is not defined")

NOT_PASSED = {
    "zh": "这一项检查没有通过。请再看看相应的步骤和结果。",
    "en": "This check did not pass. Look again at the step and its result.",
}


def item_message(cell: Mapping[str, Any]) -> dict[str, str] | None:
    """Message for a graded test cell with outputs, by language; None where nothing failed.

    An author's sentence is in the language in which the test ran and stands for both.
    """
    mark = cell.get("metadata", {}).get("nbgrader") or {}
    if cell.get("cell_type") != "code" or not mark.get("grade") or mark.get("solution"):
        return None
    for output in cell.get("outputs", []):
        if output.get("output_type") == "error":
            return _error_message(
                str(output.get("ename")), _COLOUR.sub("", str(output.get("evalue"))).strip()
            )
        if output.get("output_type") == "stream" and output.get("name") == "stderr":
            return {
                "zh": "检查时程序向标准错误输出了内容，按没有通过计。",
                "en": "Something was written to standard error during the check, which counts as not passed.",
            }
    return None


def _error_message(name: str, value: str) -> dict[str, str]:
    if name == "LabCheck":  # courses/lab.py says it in both languages, a line each
        chinese, _, english = value.partition("\n")
        return {"zh": chinese[:_LONGEST], "en": (english or chinese)[:_LONGEST]}
    if name == "AssertionError":
        if not value or _TELLS_ANSWER.search(value):
            return dict(NOT_PASSED)
        return {"zh": value[:_LONGEST], "en": value[:_LONGEST]}
    if name == "NotRun":
        return next((dict(r) for r in REASONS.values() if r["en"] in value), dict(NOT_PASSED))
    if name == "CellTimeoutError":
        return {
            "zh": "检查没有在规定时间内结束，您的代码里可能有停不下来的循环。",
            "en": "The check did not end in time; there may be a loop in your code that never stops.",
        }
    if name == "NotImplementedError":
        return {"zh": "这一项还没有作答。", "en": "This item has not been answered yet."}
    if name == "PartialCreditError":
        return {
            "zh": "检查得到的分数不在允许的范围内，按 0 分计。",
            "en": "The check came to a number of points that is not allowed, which counts as 0.",
        }
    missing = _MISSING_NAME.search(value) if name == "NameError" else None
    if missing:
        return {
            "zh": f"没有找到名字 {missing[1]}。前面的单元运行了吗？名字写对了吗？",
            "en": f"There is no name {missing[1]}. Has the cell before run? Is the name right?",
        }
    return {
        "zh": f"检查时您的代码出错了({name[:60]})。请在自己的笔记本里从头运行一遍。",
        "en": f"Your code ended with an error in this check ({name[:60]}). Run it again from the top.",
    }
