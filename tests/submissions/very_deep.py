# SPDX-License-Identifier: BSD-3-Clause
# ---
# what = "JSON nested 200,000 deep"
# state = "learner-failed"
# kind = "unreadable"
# detail = "too deeply"
# how = "make"
# start_from = "honest_right"
# ---
def make(folder):
    (folder / "warm-up.ipynb").write_text("[" * 200_000 + "]" * 200_000)
