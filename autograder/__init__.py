# SPDX-License-Identifier: BSD-3-Clause
"""Grades what learners hand in: confined, accounted for, recorded with nbgrader's own classes."""

from typing import Any

__all__ = ["use"]


def use(c: Any) -> None:
    """Put Labroom's engine into an nbgrader configuration.

    Call it from ``nbgrader_config.py``. After it, ``nbgrader autograde``, formgrader's buttons and
    ``labroom grade`` all run learners' code confined, repair what a learner can break by accident, and
    write feedback without hidden tests. The lists are made from nbgrader's own, so they follow it.
    """
    # Only a program that grades pays for importing nbgrader.
    from .configure import put_engine

    put_engine(c)
