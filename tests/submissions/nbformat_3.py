# SPDX-License-Identifier: BSD-3-Clause
# ---
# what = "a notebook in the format of 2012"
# state = "learner-failed"
# kind = "unreadable"
# detail = "another format version"
# how = "make"
# start_from = "honest_right"
# ---
import json


def make(folder):
    path = folder / "warm-up.ipynb"
    raw = json.loads(path.read_text())
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": raw["cells"]}]}
    path.write_text(json.dumps(old))
