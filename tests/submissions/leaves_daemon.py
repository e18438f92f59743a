# SPDX-License-Identifier: BSD-3-Clause
# ---
# what = "leaves a detached process behind that writes to its folder for ever"
# state = "graded"
# scores = {q1 = 2.0, q2 = 0.0, q3 = 0.0}
# ---
import subprocess
import sys

boiling = 100
subprocess.Popen(
    [sys.executable, "-c", "import time\nwhile True: time.sleep(0.1)  # labroom-left-behind"],
    start_new_session=True,
)
double, share = None, 0
