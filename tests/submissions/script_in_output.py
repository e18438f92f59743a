# SPDX-License-Identifier: BSD-3-Clause
# ---
# what = "puts scripts into outputs; they must not run for whoever reads the feedback"
# state = "graded"
# scores = {q1 = 2.0, q2 = 0.0, q3 = 0.0}
# ---
from IPython.display import HTML, display

boiling = 100
display(HTML("<script>window.stolen = 1</script><img src=x onerror='window.stolen = 1'><b>kept</b>"))
display(HTML("<iframe src='https://example.org'></iframe><img src='https://example.org/pixel.png'>"))
double, share = None, 0
