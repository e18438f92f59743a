# SPDX-License-Identifier: BSD-3-Clause
"""Order of the tests."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest story first, so that it does not run alone at the end."""
    items.sort(key=lambda item: item.path.name != "test_rehearse.py")
