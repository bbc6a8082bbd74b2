"""What penalties and constraints measured when a stage began, kept for when it goes on after a break.

Some are fitted to the estimate that a stage starts from: which pixels are lit, how many electrons the probe
has. A stage that goes on must find the same numbers, not those of the estimate that it has reached.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from napari_mixedptycho._array import Array, namespace


def pack(fitted: Sequence[Any]) -> dict[str, Array]:
    """Return the numbers and arrays of fitted penalties or constraints, None among them, by name."""
    return {
        f"{index}/{name}": value if hasattr(value, "dtype") else np.float64(value)
        for index, part in enumerate(fitted)
        if part is not None
        for name, value in _numbers(part).items()
    }


def restore(fitted: Sequence[Any], packed: Mapping[str, Array]) -> tuple[Any, ...]:
    """Return the same, fitted anew to a later estimate, with the numbers that `pack` named."""
    return tuple(
        part if part is None else replace(part, **_restored(index, _numbers(part), packed))
        for index, part in enumerate(fitted)
    )


def _numbers(part: Any) -> dict[str, Any]:
    values = {field.name: getattr(part, field.name) for field in fields(part)}
    return {
        name: value for name, value in values.items() if hasattr(value, "dtype") or isinstance(value, float)
    }


def _restored(index: int, numbers: dict[str, Any], packed: Mapping[str, Array]) -> dict[str, Any]:
    found = {name: packed[f"{index}/{name}"] for name in numbers if f"{index}/{name}" in packed}
    return {
        name: float(value) if isinstance(numbers[name], float) else namespace(numbers[name]).asarray(value)
        for name, value in found.items()
    }
