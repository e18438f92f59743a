# SPDX-License-Identifier: BSD-3-Clause
"""What stands in a released notebook in the place of a solution."""

import ast

# Valid at any depth, and it stops nothing: a notebook with blanks runs from top to bottom.
CODE_STUB = "pass  # 在这里写代码 / write your code here"
TEXT_STUB = "在这里写回答 / write your answer here"


def is_untouched(source: str, released: str | None) -> bool:
    """Whether an answer's text is empty or as it was released.

    ``released`` is None where the release is not at hand; then a stub in the text tells.
    """
    mine = _plain(source)
    if released is None:
        return not mine or any(line.strip() in (CODE_STUB, TEXT_STUB) for line in mine.splitlines())
    return not mine or mine == _plain(released)


def placeholders_left(source: str, released: str) -> bool:
    """Whether every ``name = ...`` of the released cell still stands, whatever else was tried out there."""
    wanted = _placeholders(released)
    return bool(wanted) and wanted <= _placeholders(source)


def _placeholders(source: str) -> set[str]:
    """Names whose last plain assignment is ``...``; none for what is no Python."""
    try:
        statements = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    blank: dict[str, bool] = {}
    for statement in statements:
        if isinstance(statement, ast.Assign):
            dots = isinstance(statement.value, ast.Constant) and statement.value.value is ...
            blank |= {target.id: dots for target in statement.targets if isinstance(target, ast.Name)}
    return {name for name, dots in blank.items() if dots}


def _plain(source: str) -> str:
    return "\n".join(line.rstrip() for line in source.splitlines()).strip()
