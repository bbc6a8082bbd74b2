"""What a person changed by hand, remembered until the next time.

Only differences from the defaults are kept, so that better defaults of a later version are not hidden; and
nothing that belongs to one data set: neither its file nor the microscope's numbers.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from qtpy.QtCore import QSettings

from napari_mixedptycho._napari.methods import Methods
from napari_mixedptycho.analysis import MotionSettings
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.recipe import Recipe

_RECENT = 8
_SECTIONS = ("model", "guess", "stages", "run")


def remember(recipe: Recipe, motion: MotionSettings, methods: Methods) -> None:
    """Keep what differs from the defaults."""
    wanted = recipe.model_dump(mode="json", include=set(_SECTIONS))
    # The thickness is the specimen's, a starting result that of one data set.
    wanted["model"].pop("thickness")
    wanted["guess"].pop("result")
    changes = {
        "recipe": _difference(wanted, Recipe().model_dump(mode="json")),
        "analysis": _difference(motion.model_dump(mode="json"), MotionSettings().model_dump(mode="json")),
        "methods": _difference(methods.model_dump(mode="json"), Methods().model_dump(mode="json")),
    }
    store = _store()
    store.setValue("changes", json.dumps(changes))
    store.sync()


def recall() -> tuple[Recipe, MotionSettings, Methods]:
    """Return the defaults with what was remembered; the bare defaults when that is no longer allowed."""
    text = _store().value("changes")
    try:
        changes = json.loads(text) if isinstance(text, str) else {}
        recipe = _merged(Recipe().model_dump(mode="json"), changes.get("recipe", {}))
        motion = _merged(MotionSettings().model_dump(mode="json"), changes.get("analysis", {}))
        methods = _merged(Methods().model_dump(mode="json"), changes.get("methods", {}))
        return Recipe.parse(recipe), MotionSettings.parse(motion), Methods.parse(methods)
    except (InputError, ValueError, AttributeError):
        return Recipe(), MotionSettings(), Methods()


def forget() -> None:
    """Go back to the defaults."""
    _store().remove("changes")


def recent() -> list[str]:
    """Return the files that were opened last and are still there, the newest first."""
    text = _store().value("recent")
    try:
        files = json.loads(text) if isinstance(text, str) else []
    except ValueError:
        return []
    return [file for file in files if isinstance(file, str) and Path(file).exists()]


def note_recent(file: str) -> None:
    """Remember that a file was opened."""
    if file.startswith("sample:"):
        return
    path = str(Path(file).resolve())
    store = _store()
    store.setValue("recent", json.dumps([path, *(f for f in recent() if f != path)][:_RECENT]))
    store.sync()


def _store() -> QSettings:
    return QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "napari-mixedptycho", "dock")


def _difference(values: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    changed = {}
    for name, value in values.items():
        default = defaults.get(name)
        # Another kind has other fields: it is kept whole.
        if isinstance(value, dict) and isinstance(default, dict) and value.get("kind") == default.get("kind"):
            if inner := _difference(value, default):
                changed[name] = inner
        elif value != default:
            changed[name] = value
    return changed


def _merged(defaults: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(defaults)
    for name, value in changes.items():
        default = defaults.get(name)
        same = isinstance(value, dict) and isinstance(default, dict) and "kind" not in value
        merged[name] = _merged(default, value) if same and default is not None else value
    return merged
