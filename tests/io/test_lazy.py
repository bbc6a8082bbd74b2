"""Arrays that stay on disk answer like NumPy's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_mixedptycho.io.lazy import (
    Decoded,
    Deferred,
    Flattened,
    Folded,
    Joined,
    Lazy,
    Native,
    Reordered,
    Squeezed,
    in_order,
)

VALUES = np.arange(3 * 4 * 5 * 6).reshape(3, 4, 5, 6)
FRAMES = VALUES.reshape(12, 5, 6)


class Watched:
    """An array that notes how much was read of it."""

    def __init__(self, values: np.ndarray) -> None:
        self.values, self.shape, self.dtype, self.read = values, values.shape, values.dtype, 0

    def __getitem__(self, index: Any) -> np.ndarray:
        part = self.values[index]
        self.read += part.size
        return part


def cases() -> list[tuple[str, Lazy, np.ndarray]]:
    padded = np.concatenate([VALUES, VALUES[:, :2]], axis=1).reshape(-1, 5, 6)
    return [
        ("native", Native(VALUES.astype(">i4")), VALUES),
        ("reordered", Reordered(VALUES, (2, 3, 0, 1)), VALUES.transpose(2, 3, 0, 1)),
        ("joined", Joined([FRAMES[:5], FRAMES[5:6], FRAMES[6:]]), FRAMES),
        ("folded", Folded(FRAMES, (3, 4), 4), VALUES),
        ("folded with fly-back", Folded(padded, (3, 4), 6), VALUES),
        ("flattened", Flattened(VALUES), FRAMES),
        ("squeezed", Squeezed(VALUES[:, :, None], (2,)), VALUES),
        (
            "decoded",
            Decoded(FRAMES, (6, 5), int, lambda block: block.transpose(0, 2, 1)),
            FRAMES.transpose(0, 2, 1),
        ),
        ("deferred", Deferred(VALUES.shape, int, lambda: VALUES), VALUES),
        ("folded of joined", Folded(Joined([FRAMES[:7], FRAMES[7:]]), (3, 4), 4), VALUES),
    ]


INDICES: list[Any] = [
    ...,
    0,
    -1,
    (1, 2),
    (slice(None), slice(1, 3)),
    (..., slice(1, 4), 2),
    (slice(None, None, -1), slice(None, None, 2)),
    (slice(5, 1, -2),),
    (slice(1, 1),),
    (slice(2, None, 3), slice(None, None, 3)),
    (0, ..., -1),
    [0, 2],
    (slice(None), [2, 0, 1]),
]


@pytest.mark.parametrize("index", INDICES, ids=str)
@pytest.mark.parametrize(("name", "lazy", "values"), cases(), ids=[case[0] for case in cases()])
def test_every_index_gives_what_numpy_gives(name: str, lazy: Lazy, values: np.ndarray, index: Any) -> None:
    found = lazy[index]
    np.testing.assert_array_equal(found, values[index])
    assert found.dtype.isnative
    assert (lazy.shape, lazy.ndim, lazy.size, len(lazy)) == (
        values.shape,
        values.ndim,
        values.size,
        len(values),
    )


def test_only_what_is_wanted_is_read() -> None:
    watched = Watched(FRAMES)
    Folded(watched, (3, 4), 4)[1, 2, 1:3]
    assert watched.read == 2 * 6
    watched = Watched(VALUES)
    Reordered(watched, (2, 3, 0, 1))[..., 1, 2]
    assert watched.read == 5 * 6


def test_indices_out_of_range_are_refused() -> None:
    lazy = Native(VALUES)
    for index in (3, -4, (0, 0, 0, 0, 0), (..., ...)):
        with pytest.raises(IndexError):
            lazy[index]


def test_numpy_arrays_are_turned_as_views() -> None:
    assert in_order(VALUES, (0, 1, 2, 3)) is VALUES
    assert in_order(VALUES, (2, 3, 0, 1)).base is VALUES.base or in_order(VALUES, (2, 3, 0, 1)).base is VALUES
