# SPDX-License-Identifier: BSD-3-Clause
# ---
# what = "reads environments and memory of other processes, signals them"
# state = "graded"
# scores = {q1 = 2.0, q2 = 0.0, q3 = 0.0}
# attack = true
# ---
import glob
import os

boiling = 100
for name in ["/proc/{pid}/environ", *glob.glob("/proc/[0-9]*/environ"), *glob.glob("/proc/[0-9]*/mem")]:
    try:
        open(name, "rb").read(1)
        print("REACHED")
    except OSError:
        pass
try:
    os.kill({pid}, 0)
    print("REACHED")
except OSError:
    pass
double, share = None, 0
