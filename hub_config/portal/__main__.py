# SPDX-License-Identifier: BSD-3-Clause
"""``python -m labroom.hub_config.portal``: the course page, as JupyterHub starts it."""

import signal
import sys

import uvicorn

from .app import make_app
from .settings import SettingsError, read_settings


def main() -> None:
    """Serve until told to stop; ends with a sentence and status 2 when a setting is missing."""
    # A shell's background job starts its children with SIGINT ignored, and the hub stops services by it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        settings = read_settings()
    except (SettingsError, ValueError) as error:
        sys.stderr.write(f"course page: {error}\n")
        sys.exit(2)
    uvicorn.run(
        make_app(settings),
        host=settings.host,
        port=settings.port,
        log_level="warning",
        access_log=False,
        server_header=False,
        # Only the hub's proxy reaches this port; it tells whether the visitor came over https.
        forwarded_allow_ips="*",
        timeout_graceful_shutdown=2,
    )


if __name__ == "__main__":
    main()
