# SPDX-License-Identifier: BSD-3-Clause
# ---
# what = "waits for a person to type; works in the notebook, cannot when graded"
# state = "learner-failed"
# kind = "error"
# scores = {q1 = 2.0, q2 = 0.0, q3 = 0.0}
# second_cell = true
# ---
answer = input("How much? ")
