# SPDX-License-Identifier: BSD-3-Clause
"""JupyterHub reads this file; ``labroom hub`` starts it so. The settings are functions in config.py."""

import json

from labroom.hub_config.embedded.config import configure
from labroom.hub_config.embedded.settings import HubSettings

c = get_config()  # type: ignore[name-defined] # noqa: F821 - given by traitlets
settings = HubSettings.from_environment()
operator = json.loads(settings.folder.operator_file.read_text(encoding="utf-8"))
configure(c, settings, operator["token"])
if settings.extra_config:
    load_subconfig(settings.extra_config)  # type: ignore[name-defined] # noqa: F821 - given by traitlets
