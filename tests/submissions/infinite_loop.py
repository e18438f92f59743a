# SPDX-License-Identifier: BSD-3-Clause
# ---
# what = "never ends"
# state = "learner-failed"
# kind = "timeout"
# scores = {q1 = 2.0, q2 = 0.0, q3 = 0.0}
# second_cell = true
# ---
while True:
    pass
