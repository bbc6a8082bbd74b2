"""How settings are called on screen, which come first, and what their unit is."""

from __future__ import annotations

import html
import re
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from napari_mixedptycho.analysis import MotionSettings
from napari_mixedptycho.engine.stage import Stage
from napari_mixedptycho.recipe import Data, Model, Run
from napari_mixedptycho.settings import Settings

FRONT: dict[type[Settings], tuple[str, ...]] = {
    Data: ("scan_region",),
    Model: ("states", "probe_modes", "slices", "thickness"),
    Stage: ("iterations", "states", "solver", "patterns_per_update"),
    Run: ("device", "threads"),
    MotionSettings: ("centroid",),
}
"""What everyone needs; the other settings wait in the fold "Advanced". Classes not named here show all."""

_LABELS = {"semiangle": "Semi-angle", "states": "Object states"}
_WORDS = {
    "lbfgs": "L-BFGS",
    "cpu": "CPU",
    "gpu": "GPU",
    "svd": "SVD",
    "gram_schmidt": "Gram–Schmidt",
    "recentred": "Re-centred",
    "fixed": "Fixed (paper)",
    "phase": "Phase only",
    "gaussian": "Gaussian",
}
_UNIT = re.compile(r"(?:, | in )(eV|mrad|1/Å|Å²|Å|rad|degrees|pixels|px|s)(?= per pixel|[;,]| \(|$)|^Seconds")
_SHORT = {"pixels": "px", None: "s"}


def label(name: str) -> str:
    """Return the words for a field's name."""
    return _LABELS.get(name, name.replace("_", " ").capitalize())


def choice(value: object) -> str:
    """Return the words for one of several values."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(value))
    return _WORDS.get(words, words.replace("_", " ").capitalize())


def unit(description: str | None) -> str:
    """Return the unit that a description names first, or nothing."""
    found = _UNIT.search((description or "").split(".")[0])
    return _SHORT.get(found[1], found[1]) if found else ""


def tooltip(field: FieldInfo) -> str:
    """Return the description and the default, to be shown in lines that wrap."""
    text = html.escape(field.description or "")
    default: Any = field.default
    if isinstance(default, bool | int | float | str) and default is not PydanticUndefined:
        shown = ("yes" if default else "no") if isinstance(default, bool) else choice(default)
        text += f"<br><i>Default: {html.escape(shown)}</i>"
    return f"<qt>{text}</qt>"


def front(kind: type[Settings], hidden: tuple[str, ...] = ()) -> tuple[list[str], list[str]]:
    """Return the fields of a class that come first, and the others."""
    fields = [name for name in kind.model_fields if name != "kind" and name not in hidden]
    first = [name for name in FRONT.get(kind, fields) if name in fields]
    return first, [name for name in fields if name not in first]
