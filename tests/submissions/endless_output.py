# SPDX-License-Identifier: BSD-3-Clause
# ---
# what = "prints for ever"
# state = "learner-failed"
# kind = "output-limit"
# scores = {q1 = 2.0, q2 = 0.0, q3 = 0.0}
# second_cell = true
# ---
while True:
    print("x" * 10_000)
