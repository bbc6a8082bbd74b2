"""Preferences are declared where napari looks for them, and followed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from npe2 import PluginManifest

import napari_mixedptycho
from napari_mixedptycho._napari import unsaved
from napari_mixedptycho._napari.preferences import DEFAULTS, PLUGIN, preference


def manifest() -> PluginManifest:
    return PluginManifest.from_file(Path(napari_mixedptycho.__file__).with_name("napari.yaml"))


def test_the_manifest_declares_the_defaults() -> None:
    declared = manifest().contributions.configurations
    assert declared is not None
    found = {name: entry.default for name, entry in declared["dock"].properties.items()}
    assert found == DEFAULTS


def test_without_napari_the_defaults_hold(npe2pm: Any) -> None:
    assert {name: preference(name) for name in DEFAULTS} == DEFAULTS


def test_what_is_set_in_napari_is_followed(plugin_settings: Any, npe2pm: Any) -> None:
    from napari.settings import get_plugin_settings

    npe2pm.register(manifest())
    get_plugin_settings(PLUGIN).dock.kept_copies = 2
    assert preference("kept_copies") == 2
    unsaved.folder().mkdir()
    for hour in range(4):
        (unsaved.folder() / f"2026-01-01 0{hour}.00.00 scan abcd.h5").touch()
    unsaved.new_copy("scan")
    assert len(unsaved.copies()) == 1
