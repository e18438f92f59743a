# SPDX-License-Identifier: BSD-3-Clause
# ---
# what = "a notebook with half a character, which nothing can write"
# state = "learner-failed"
# kind = "unreadable"
# detail = "not a whole notebook"
# how = "make"
# start_from = "honest_right"
# ---
def make(folder):
    path = folder / "warm-up.ipynb"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"source": "', '"source": "\\ud800', 1), encoding="utf-8")
