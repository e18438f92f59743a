# SPDX-License-Identifier: BSD-3-Clause
# ---
# what = "ends the kernel; the item before it keeps its points"
# state = "learner-failed"
# kind = "killed"
# scores = {q1 = 2.0, q2 = 0.0, q3 = 0.0}
# second_cell = true
# ---
import os

os._exit(0)
