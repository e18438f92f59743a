# SPDX-License-Identifier: BSD-3-Clause
"""The embedded hub: one machine, no root, no system users, no Docker."""

import importlib.util
import os
import secrets
import sys
from pathlib import Path
from typing import Any

from labroom.hub_config import classroom
from labroom.hub_config.courses import Season, read_season
from labroom.hub_config.spawner import ConfinedSpawner

from .authenticator import ClassroomAuthenticator
from .passwords import password_file
from .settings import HubSettings

EXCHANGE, PORTAL = "labroom.hub_config.exchange", "labroom.hub_config.portal"
LOGO = Path(__file__).resolve().parents[1] / "portal" / "static" / "labroom.svg"
TEMPLATES = Path(__file__).resolve().parent / "templates"


def configure(c: Any, settings: HubSettings, operator_token: str) -> None:
    """Set everything that JupyterHub needs for this run; touches no file."""
    season = read_season(Path(settings.courses))
    use_addresses(c, settings)
    use_pages(c, season)
    use_sign_in(c, settings)
    use_confined_servers(c, settings, assignment_list=season.assignment_list)
    use_services(c, settings)
    classroom.use_people(c, season)
    classroom.use_operator(c, operator_token)
    classroom.use_culling(c)
    classroom.use_patience(c, os.cpu_count() or 1)
    use_quick_stop(c)


def use_addresses(c: Any, settings: HubSettings) -> None:
    """Listen only where told; everything the hub and its proxy write lies in the data folder."""
    hub = settings.folder.hub
    c.JupyterHub.bind_url = f"http://{settings.ip}:{settings.port}/"
    c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{settings.hub_port}"
    c.JupyterHub.hub_connect_url = f"http://127.0.0.1:{settings.hub_port}"
    c.JupyterHub.db_url = f"sqlite:///{hub / 'jupyterhub.sqlite'}"
    c.JupyterHub.cookie_secret_file = str(hub / "cookie_secret")
    c.JupyterHub.log_level = "DEBUG" if settings.verbose else "INFO"
    c.JupyterHub.proxy_class = "jupyterhub_traefik_proxy.fileprovider.TraefikFileProviderProxy"
    proxy = c.TraefikFileProviderProxy
    proxy.should_start = True
    proxy.static_config_file = str(hub / "proxy.toml")
    proxy.dynamic_config_file = str(hub / "proxy-routes.toml")
    proxy.traefik_api_url = f"http://127.0.0.1:{settings.proxy_port}"
    proxy.traefik_api_username = "hub"
    proxy.traefik_api_password = secrets.token_hex(24)
    proxy.traefik_log_level = "WARN"
    # No update check, no usage report: the hub needs no internet.
    proxy.extra_static_config = {"global": {"checkNewVersion": False, "sendAnonymousUsage": False}}


def use_pages(c: Any, season: Season) -> None:
    """The hub's own pages in both languages, with the season's name on them."""
    c.JupyterHub.template_paths = [str(TEMPLATES)]
    c.JupyterHub.template_vars = {"labroom_portal": has_module(PORTAL), "labroom_title": dict(season.title)}
    if LOGO.exists():
        c.JupyterHub.logo_file = str(LOGO)


def use_sign_in(c: Any, settings: HubSettings) -> None:
    """Class and author passwords; after sign-in the course page."""
    c.JupyterHub.authenticator_class = ClassroomAuthenticator
    c.ClassroomAuthenticator.courses_file = settings.courses
    c.ClassroomAuthenticator.password_file = str(password_file(settings.folder))
    c.ClassroomAuthenticator.people = list(settings.people)
    c.JupyterHub.cookie_max_age_days = 14
    c.JupyterHub.default_url = "/services/portal/" if has_module(PORTAL) else "/hub/home"


def use_confined_servers(c: Any, settings: HubSettings, *, assignment_list: bool) -> None:
    """One confined process per person."""
    c.JupyterHub.spawner_class = ConfinedSpawner
    c.ConfinedSpawner.data_root = settings.data
    c.ConfinedSpawner.exchange_url = f"{settings.url}/services/exchange"
    c.ConfinedSpawner.confined = settings.confined
    c.ConfinedSpawner.assignment_list = assignment_list


def use_services(c: Any, settings: HubSettings) -> None:
    """Exchange and course page as processes of the hub. A part that is not installed is left out."""
    environment = {"LABROOM_COURSES": settings.courses}
    if has_module(EXCHANGE):
        # The operator's own limits and database address, then ours.
        limits = {key: value for key, value in os.environ.items() if key.startswith("LABROOM_EXCHANGE_")}
        folder = {"LABROOM_EXCHANGE_FOLDER": str(settings.folder.exchange)}
        classroom.use_exchange_service(
            c, _service(EXCHANGE, settings.exchange_port, environment | limits | folder)
        )
    else:
        # The scopes that name it need it to exist.
        classroom.add_service(c, {"name": "exchange", "api_token": secrets.token_hex(16)})
    if has_module(PORTAL):
        environment["LABROOM_EXCHANGE_URL"] = f"http://127.0.0.1:{settings.exchange_port}/services/exchange"
        classroom.use_portal_service(c, _service(PORTAL, settings.portal_port, environment))
    else:
        classroom.add_service(c, {"name": "portal", "api_token": secrets.token_hex(16)})


def _service(module: str, port: int, environment: dict[str, str]) -> dict[str, Any]:
    return {
        "url": f"http://127.0.0.1:{port}",
        "command": [sys.executable, "-I", "-m", module],
        "environment": environment,
    }


def use_quick_stop(c: Any) -> None:
    """Ask servers politely, but not for long: what matters has been saved or has a receipt."""
    c.LocalProcessSpawner.interrupt_timeout = 2
    c.LocalProcessSpawner.term_timeout = 1
    c.LocalProcessSpawner.kill_timeout = 2


def has_module(package: str) -> bool:
    """Whether ``python -m package`` would find something to run."""
    return importlib.util.find_spec(f"{package}.__main__") is not None
