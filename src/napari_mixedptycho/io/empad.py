"""EMPAD: ``.raw`` of 130 rows of 128 float32 per pattern, of which 128 are the detector, and its ``.xml``."""

from __future__ import annotations

import ast
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io.contents import Found
from napari_mixedptycho.io.mapped import frames
from napari_mixedptycho.io.units import Sampling

ROWS, COLUMNS, STORED_ROWS = 128, 128, 130
"""Detector, and rows that are stored: the last two hold no pixels."""

_NAME = re.compile(r"x(?P<x>\d+)_y(?P<y>\d+)", re.IGNORECASE)
_LARGEST_XML = 2**24


def read(path: Path) -> Found:
    """Read an EMPAD scan by its ``.raw`` or by its ``.xml``.

    Raises
    ------
    InputError
        When the ``.raw`` that belongs to an ``.xml`` is missing, too short, or no EMPAD file.
    """
    header, raw = _pair(path)
    tree = _parsed(header) if header else None
    stack = frames(raw, (ROWS, COLUMNS), "<f4", gap=(STORED_ROWS - ROWS) * COLUMNS * 4)
    shape = _scan_shape(tree, raw)
    numbers, detector, notes = _numbers(tree, shape)
    if shape is not None and shape[0] * shape[1] != len(stack):
        notes = (
            *notes,
            f"{raw.name} holds {len(stack)} patterns where {shape[0]} × {shape[1]} are stated; "
            "set data.scan_shape.",
        )
        shape = None
    return Found(stack, "EMPAD", numbers=numbers, detector=detector, scan_shape=shape, notes=notes)


def fits(path: Path) -> bool:
    """Tell whether a ``.raw`` is an EMPAD's: by its size, and its name or an ``.xml`` beside it."""
    whole = path.stat().st_size
    pattern = STORED_ROWS * COLUMNS * 4
    sized = whole > 0 and whole % pattern == 0
    return _sidecar(path) is not None or (sized and _NAME.search(path.stem) is not None)


def _pair(path: Path) -> tuple[Path | None, Path]:
    if path.suffix.lower() != ".xml":
        return _sidecar(path), path
    stated = _text(_parsed(path), "raw_file", attribute="filename")
    # Only the name counts: the folder it once lay in is another computer's.
    name = re.split(r"[\\/]", stated)[-1] if stated else f"{path.stem}.raw"
    raw = path.with_name(name)
    if not raw.is_file():
        raise InputError(f"{path}: it belongs to {name}, which is not beside it; put it there.")
    return path, raw


def _sidecar(raw: Path) -> Path | None:
    """Return the ``.xml`` beside a ``.raw`` that names it, or has its name."""
    same = raw.with_suffix(".xml")
    if same.is_file():
        return same
    for header in sorted(raw.parent.glob("*.xml"))[:20]:
        try:
            if raw.name in _text(_parsed(header), "raw_file", attribute="filename"):
                return header
        except InputError:
            continue
    return None


def _parsed(header: Path) -> ElementTree.Element:
    if header.stat().st_size > _LARGEST_XML:
        raise InputError(f"{header}: this is too large for the header of a scan.")
    text = header.read_bytes()
    # Entities have no place here, and nested ones could fill the memory.
    if b"<!ENTITY" in text:
        raise InputError(f"{header}: this is not the header of an EMPAD scan.")
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise InputError(f"{header}: this is not readable XML ({error}).") from None


def _text(tree: ElementTree.Element | None, *names: str, attribute: str | None = None) -> str:
    """Return the text (or attribute) of the first element of one of these names, also in dotted parts."""
    if tree is None:
        return ""
    for node in tree.iter():
        if node.tag in names:
            found = node.get(attribute) if attribute else None
            return str(found or (node.text or "")).strip()
    return ""


def _value(tree: ElementTree.Element | None, *names: str) -> tuple[float, ...]:
    """Return the numbers of an element: one, or several as in ``(1e-8, 1e-8)``."""
    text = _text(tree, *names)
    try:
        value = ast.literal_eval(text) if len(text) < 1000 else None
        listed: Any = value if isinstance(value, Sequence) else (value,)
        return tuple(float(v) for v in listed)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return ()


def _scan_shape(tree: ElementTree.Element | None, raw: Path) -> tuple[int, int] | None:
    stated = _value(tree, "pix_y"), _value(tree, "pix_x")
    if all(len(value) == 1 for value in stated):
        return int(stated[0][0]), int(stated[1][0])
    match = _NAME.search(_text(tree, "raw_file", attribute="filename")) or _NAME.search(raw.stem)
    return (int(match["y"]), int(match["x"])) if match else None


def _numbers(
    tree: ElementTree.Element | None, shape: tuple[int, int] | None
) -> tuple[dict[str, float], Sampling, tuple[str, ...]]:
    numbers: dict[str, float] = {}
    energy = _value(tree, "high_voltage", "source.get_voltage", "get_voltage", "voltage")
    if len(energy) == 1 and energy[0] > 1e3:
        numbers["energy"] = energy[0]
    step = _scan_step(tree, shape)
    if step is not None:
        numbers["scan_step"] = step
    pixel = _value(tree, "calibrated_pixelsize")
    if len(pixel) != 1 or not pixel[0] > 0:
        return numbers, Sampling(), ()
    # Stated in 1/nm × 1e-9, and often of another camera length than the one in use.
    note = "The detector sampling of EMPAD files is often that of another camera length; calibrate it."
    return numbers, Sampling(frequency=pixel[0] * 1e9 / 10), (note,)


def _scan_step(tree: ElementTree.Element | None, shape: tuple[int, int] | None) -> float | None:
    """Return Å between scan points from the field of view, m."""
    if tree is None or shape is None or min(shape) < 1:
        return None
    field = _value(tree, "optics.get_full_scan_field_of_view", "get_full_scan_field_of_view")
    if len(field) == 2 and field[0] > 0:
        return field[0] / shape[1] * 1e10
    node = tree.find(".//full_scan_field_of_view")
    width, factor = _value(node, "x"), _value(node, "scale_factor")
    if len(width) == 1 and len(factor) == 1 and width[0] > 0 and factor[0] > 0:
        # The width is that of the larger dimension, times the factor.
        return width[0] / factor[0] / max(shape) * 1e10
    return None
