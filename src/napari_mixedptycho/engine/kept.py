"""What penalties and constraints measured when a stage began, kept for when it goes on after a break.

Some are fitted to the estimate that a stage starts from: which pixels are lit, how many electrons the probe
has. A stage that goes on must find the same numbers, not those of the estimate that it has reached.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from napari_mixedptycho._array import Array, asnumpy, namespace

MEASURED = {"measured": True}
"""Metadata of a field of a fitted penalty or constraint that holds an array measured at the start."""


def pack(fitted: Sequence[Any]) -> dict[str, Array]:
    """Return by name what fitted penalties or constraints, None among them, have measured."""
    return {key: getattr(fitted[index], name) for key, index, name in _measured(fitted)}


def restore(fitted: Sequence[Any], packed: Mapping[str, Array]) -> tuple[Any, ...]:
    """Return the same, fitted anew to a later estimate, with what `pack` named put back."""
    restored = list(fitted)
    for key, index, name in _measured(fitted):
        if key in packed:
            on_host = isinstance(getattr(fitted[index], name), np.ndarray)
            value = asnumpy(packed[key]) if on_host else namespace(packed[key]).asarray(packed[key])
            restored[index] = replace(restored[index], **{name: value})
    return tuple(restored)


def _measured(fitted: Sequence[Any]) -> Iterator[tuple[str, int, str]]:
    """Yield key, place and name of each field that was measured."""
    for index, part in enumerate(fitted):
        for field in fields(part) if part is not None else ():
            if field.metadata.get("measured"):
                yield f"{index}/{type(part).__name__}/{field.name}", index, field.name
