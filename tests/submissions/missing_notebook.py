# SPDX-License-Identifier: BSD-3-Clause
# ---
# what = "only a text file handed in"
# state = "learner-failed"
# kind = "unreadable"
# detail = "is missing"
# how = "make"
# start_from = "honest_right"
# ---
def make(folder):
    (folder / "warm-up.ipynb").rename(folder / "my answers.txt")
