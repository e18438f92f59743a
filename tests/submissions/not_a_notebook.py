# SPDX-License-Identifier: BSD-3-Clause
# ---
# what = "JSON, but a list"
# state = "learner-failed"
# kind = "unreadable"
# detail = "is no notebook"
# how = "make"
# start_from = "honest_right"
# ---
def make(folder):
    (folder / "warm-up.ipynb").write_text("[1, 2, 3]")
