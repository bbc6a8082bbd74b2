"""What is set in napari's own preferences, under the name of the plugin (``napari.yaml``, configurations)."""

from __future__ import annotations

from typing import Any

from napari.settings import get_plugin_settings

PLUGIN = "napari-mixedptycho"
DEFAULTS = {"kept_copies": 3, "updates_per_second": 5, "milliseconds_per_state": 250, "own_process": 1}
"""By their names in the manifest."""


def preference(name: str) -> int:
    """Return a preference; the default where napari does not know the plugin, as in scripts and tests."""
    try:
        chosen: Any = getattr(get_plugin_settings(PLUGIN).dock, name)
        return int(chosen)
    except (KeyError, AttributeError, TypeError, ValueError):
        return DEFAULTS[name]
