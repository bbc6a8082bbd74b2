"""From what a reader found and what was typed in to the contents of a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io.contents import Contents, Found
from napari_mixedptycho.io.layout import Layout
from napari_mixedptycho.io.lazy import Flattened, in_order
from napari_mixedptycho.io.mapped import check_pattern
from napari_mixedptycho.io.scan_shape import folded, proposals

_EDGE = 8
"""Patterns of a stack have at least so many pixels on an edge."""


def laid_out(path: Path, found: Found, layout: Layout) -> Contents:
    """Apply what was typed in: the order of axes, and the shape of the scan.

    Raises
    ------
    InputError
        When the array has another number of axes, or the shape does not fit the number of patterns.
    """
    stack, notes = _stack(path, found, layout), found.notes
    shapes: tuple[tuple[int, int], ...] = ()
    if len(stack.shape) == 3:
        shape = layout.scan_shape or found.scan_shape
        if shape is None:
            shapes, said = proposals(stack)
        else:
            stack, said = folded(stack, shape, str(path), flyback=layout.scan_shape is not None)
        notes = (*notes, *said)
    high, wide = (int(n) for n in stack.shape[-2:])
    if high != wide:
        crop, edge = layout.square == "crop", (min if layout.square == "crop" else max)(high, wide)
        how = f"the central {edge}×{edge} px" if crop else f"all, and unmeasured ones up to {edge}×{edge} px,"
        notes = (*notes, f"Of {high}×{wide} px, {how} are reconstructed (data.square).")
    return Contents(
        path,
        found.key,
        stack,
        _numbers(found, stack),
        found.truth,
        found.format,
        found.detector.angle,
        found.mask,
        shapes,
        notes,
        found.descan,
        found.skipped if found.skipped is not None and found.skipped.shape == stack.shape[:2] else None,
    )


def _stack(path: Path, found: Found, layout: Layout) -> Any:
    """Return the patterns with their axes in order; three axes when their scan is to be folded anew."""
    stack, count = found.stack, len(found.stack.shape)
    if count not in (3, 4) or (count == 3 and min(stack.shape[-2:]) < _EDGE):
        raise InputError(
            f"{path}: {found.key or 'the array'} has shape {tuple(stack.shape)}; four axes (scan_y, scan_x, "
            f"ky, kx), or three (pattern, ky, kx) with patterns of at least {_EDGE} px, are needed."
        )
    if layout.axes is not None and count == 4:
        names = layout.axes.split()
        stack = in_order(stack, [names.index(name) for name in ("scan_y", "scan_x", "ky", "kx")])
    check_pattern(path, tuple(stack.shape[-2:]))
    if count == 3 or layout.scan_shape in (None, tuple(stack.shape[:2])):
        return stack
    if isinstance(stack, np.ndarray) and stack.flags.c_contiguous:
        return stack.reshape(-1, *stack.shape[2:])
    return Flattened(stack)


def _numbers(found: Found, stack: Any) -> dict[str, float]:
    """Return the finite numbers of a file; whole numbers are counts, but for a camera's."""
    numbers = dict(found.numbers)
    if found.detector.frequency is not None:
        numbers.setdefault("detector_sampling", found.detector.frequency)
    if found.counts and np.dtype(stack.dtype).kind in "ui":
        numbers.setdefault("electrons_per_unit", 1.0)
    return {name: value for name, value in numbers.items() if np.isfinite(value)}
