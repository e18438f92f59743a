# SPDX-License-Identifier: BSD-3-Clause
# ---
# what = "the answer cell itself ends with an error"
# state = "learner-failed"
# kind = "error"
# scores = {q1 = 2.0, q2 = 0.0, q3 = 0.0}
# ---
boiling = 100
1 / 0
