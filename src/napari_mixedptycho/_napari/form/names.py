"""How settings are called on screen, which come first, and what their unit is."""

from __future__ import annotations

import html
import inspect
import re
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from napari_mixedptycho.analysis import MotionSettings
from napari_mixedptycho.engine.stage import Stage
from napari_mixedptycho.recipe import Data, Microscope, Model
from napari_mixedptycho.run_settings import Run
from napari_mixedptycho.settings import Settings

FRONT: dict[type[Settings], tuple[str, ...]] = {
    Data: ("scan_region",),
    Microscope: ("energy", "semiangle", "scan_step"),
    Model: ("states", "probe_modes", "slices", "thickness"),
    Stage: ("iterations", "states", "solver", "patterns_per_update"),
    Run: ("device", "threads"),
    MotionSettings: ("centroid",),
}
"""What everyone needs; the other settings wait in the fold "Advanced". Classes not named here show all."""

INDENT = 12
"""How far the settings of a choice stand to the right of the choice, px."""

_COMMON = frozenset({"object", "probe", "positions", "displacement"})
"""Of a list of kinds, those that everyone needs; the others wait behind "more…"."""

_SENTENCE = re.compile(r"(?<=[a-z)\d]\.) (?=[A-Z])")
_SOURCE = re.compile(r"\b(?:18|19|20)\d\d\b")
_LABELS = {
    "semiangle": "Semi-angle",
    "states": "Object states",
    "hold_out": "Hold out every",
    "detector": "Part of detector",
    "of": "Of what",
}
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
    "gaussian_poisson": "Gaussian–Poisson",
    "l1": "L1 norm",
    "kz_filter": "kz filter",
    "lsqml": "LSQML",
}
_UNIT = re.compile(
    r"(?:, | in )(eV|mrad|1/Å|Å²|Å|rad|degrees|pixels|px|s)"
    r"(?= per pixel|[;,]| \((?!positions)|$)|^Seconds"
)
_UNSET = re.compile(r"[Nn]ot set: ((?:[^.;(]|\.(?=\d)){1,24})(?=[;(]|\.(?!\d)|$)")
_SHORT = {"pixels": "px", None: "s"}


def label(name: str) -> str:
    """Return the words for a field's name."""
    return _LABELS.get(name, name.replace("_", " ").capitalize())


def choice(value: object) -> str:
    """Return the words for one of several values."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(value))
    if " " in words:
        return words
    return _WORDS.get(words, words.replace("_", " ").capitalize())


def unit(description: str | None) -> str:
    """Return the unit that a description names first, or nothing."""
    found = _UNIT.search((description or "").split(".")[0])
    return _SHORT.get(found[1], found[1]) if found else ""


def unset(description: str | None) -> str:
    """Return what an empty entry stands for: what the description says of it in a few words."""
    found = _UNSET.search(description or "")
    return found[1].strip() if found else "automatic"


def tooltip(field: FieldInfo) -> str:
    """Return the description and the default, to be shown in lines that wrap."""
    text = html.escape(field.description or "")
    default: Any = field.default
    if isinstance(default, bool | int | float | str) and default is not PydanticUndefined:
        shown = ("yes" if default else "no") if isinstance(default, bool) else choice(default)
        text += f"<br><i>Default: {html.escape(shown)}</i>"
    return f"<qt>{text}</qt>"


def explained(kind: type[Settings]) -> str:
    """Return what a class is, from its docstring: its first paragraph, and the next without its sources."""
    text = inspect.cleandoc(kind.__doc__ or "").replace("``", "").replace("`", "").replace("*", "")
    first, *rest = (" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
    sentences = _SENTENCE.split(rest[0]) if rest else []
    second = " ".join(sentence for sentence in sentences if not _SOURCE.search(sentence))
    shown = html.escape(first) + (f"<br><br>{html.escape(second)}" if second else "")
    return f"<qt>{shown}</qt>" if first else ""


def key_of(kind: type[Settings]) -> str:
    """Return what tells a class apart from its alternatives: its `kind`, or else its name."""
    field = kind.model_fields.get("kind")
    return kind.__name__ if field is None else str(field.default)


def common(kinds: tuple[type[Settings], ...]) -> tuple[str, ...]:
    """Return which of several kinds everyone needs."""
    return tuple(key for kind in kinds if (key := key_of(kind)) in _COMMON)


def front(kind: type[Settings], hidden: tuple[str, ...] = ()) -> tuple[list[str], list[str]]:
    """Return the fields of a class that come first, and the others."""
    fields = [name for name in kind.model_fields if name != "kind" and name not in hidden]
    first = [name for name in FRONT.get(kind, fields) if name in fields]
    return first, [name for name in fields if name not in first]
