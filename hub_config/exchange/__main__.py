# SPDX-License-Identifier: BSD-3-Clause
"""``python -m labroom.hub_config.exchange``: the exchange as a service that a hub starts and stops."""

import asyncio
import contextlib
import logging
import os
import sys

import uvicorn

from .app import create_app
from .receipts import ReceiptError
from .settings import SettingsError, settings_from

STOP_SECONDS = 3


async def _serve(server: uvicorn.Server, parent: int | None) -> None:
    serving = asyncio.create_task(server.serve())
    while not serving.done():
        await asyncio.wait([serving], timeout=2)
        if parent is not None and os.getppid() != parent:
            # The hub is gone without saying so; a service left behind would hold its port.
            server.should_exit = True
    await serving


def main() -> int:
    """Serves until SIGTERM or SIGINT, then ends within a few seconds. Returns the exit code."""
    os.umask(0o077)
    parent = os.getppid() if os.environ.get("JUPYTERHUB_SERVICE_URL") else None
    logging.basicConfig(level=logging.INFO, format="exchange: %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        settings = settings_from()
        app = create_app(settings)
    except (SettingsError, ReceiptError, OSError) as error:
        print(f"labroom exchange: {error}", file=sys.stderr)  # noqa: T201 - the hub's log
        return 2
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=STOP_SECONDS,
        # Answers carry no server banner; the hub's proxy sets the forwarded headers, which are not needed.
        server_header=False,
        proxy_headers=False,
    )
    # uvicorn sets its own handlers for SIGINT and SIGTERM, so it ends even where SIGINT came ignored.
    server = uvicorn.Server(config)
    # uvicorn raises the signal that ended it once more; being stopped is nothing to report.
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(server, parent))
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())
