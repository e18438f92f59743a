# SPDX-License-Identifier: BSD-3-Clause
# ---
# what = "takes memory until there is none"
# state = "learner-failed"
# kind = "memory"
# scores = {q1 = 2.0, q2 = 0.0, q3 = 0.0}
# second_cell = true
# ---
hoard = []
while True:
    hoard.append(bytearray(400_000_000))
