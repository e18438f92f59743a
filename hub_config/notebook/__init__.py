# SPDX-License-Identifier: BSD-3-Clause
"""Jupyter server extension: opens labs in a person's language, checks work, hands it in.

Switched on with ``ServerApp.jpserver_extensions = {"labroom.hub_config.notebook": True}``; the
buttons in the browser come with it. Imports nothing of nbgrader: each person's server pays for it.
"""

from pathlib import Path
from typing import Any

LABEXTENSIONS = Path(__file__).parent / "labextensions"


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "labroom.hub_config.notebook"}]


def _link_jupyter_server_extension(server: Any) -> None:
    """Show our front end to JupyterLab and Notebook, whichever of them the server links before or after."""
    folder = str(LABEXTENSIONS)
    apps = [point.app for point in server.extension_manager.extension_points.values() if point.app]
    for app in apps:
        if hasattr(app, "extra_labextensions_path") and folder not in app.extra_labextensions_path:
            app.extra_labextensions_path = [*app.extra_labextensions_path, folder]
    settings = server.config.LabServerApp
    known = list(settings.get("extra_labextensions_path", []))
    if folder not in known:
        settings.extra_labextensions_path = [*known, folder]


def _load_jupyter_server_extension(server: Any) -> None:
    from .handlers import add_handlers
    from .language import remembered_language, use_language

    language = remembered_language(Path.home())
    if language:
        use_language(language)
    add_handlers(server)
