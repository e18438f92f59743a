# SPDX-License-Identifier: BSD-3-Clause
# ---
# what = "a NaN in the JSON"
# state = "learner-failed"
# kind = "unreadable"
# detail = "not a whole notebook"
# how = "make"
# start_from = "honest_right"
# ---
def make(folder):
    path = folder / "warm-up.ipynb"
    path.write_text(path.read_text().replace('"nbformat": 4', '"nbformat": NaN'))
