# SPDX-License-Identifier: BSD-3-Clause
# ---
# what = "sends display messages that no honest kernel sends; nbgrader alone fails to grade at all"
# state = "graded"
# scores = {q1 = 2.0, q2 = 3.0, q3 = 2.0}
# ---
from IPython import get_ipython

boiling = 100
kernel = get_ipython().kernel
for kind, content in (
    ("execute_result", {"data": {"text/plain": "1"}}),
    ("display_data", {"data": "no dictionary", "metadata": 3, "transient": "x"}),
    ("stream", {"name": "third", "text": ["a"]}),
    ("error", {}),
):
    kernel.session.send(kernel.iopub_socket, kind, content, parent=kernel.get_parent())


def double(number):
    return 2 * number


share = 1.0
