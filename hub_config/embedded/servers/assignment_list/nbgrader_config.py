# SPDX-License-Identifier: BSD-3-Clause
"""What a learner's nbgrader needs to know: hand-ins go through the exchange service."""

from labroom.hub_config.exchange.nbgrader_exchange import use_exchange

c = get_config()  # type: ignore[name-defined] # noqa: F821 - given by traitlets
use_exchange(c)
# The folder in which the course page's "Open" puts a lab.
c.HttpExchange.path_includes_course = True
