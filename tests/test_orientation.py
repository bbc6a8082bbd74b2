from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from napari_mixedptycho.orientation import Orientation, Oriented, centred

EIGHT = [Orientation(*flags) for flags in product((False, True), repeat=3)]


@pytest.mark.parametrize("orientation", EIGHT)
@pytest.mark.parametrize("size", [8, 9])
def test_a_spot_comes_where_the_matrix_says(orientation: Orientation, size: int) -> None:
    image = np.zeros((size, size))
    image[size // 2 + 2, size // 2 - 1] = 1
    there = np.argwhere(orientation.applied(image))[0] - size // 2
    assert there.tolist() == (orientation.matrix @ [2, -1]).tolist()
    assert Orientation.of(orientation.matrix) == orientation


@pytest.mark.parametrize("orientation", EIGHT)
def test_undone_is_the_inverse_where_pixels_are_measured(orientation: Orientation) -> None:
    image = np.random.default_rng(0).random((3, 8, 8))
    again = orientation.applied(orientation.undone(image))
    seen = orientation.measured(8)
    assert np.array_equal(again[:, seen], image[:, seen])
    assert seen.sum() == 64 - 8 * (orientation.flip_y + orientation.flip_x) + (
        orientation.flip_y and orientation.flip_x
    )


def test_patterns_in_a_file_read_as_those_in_memory() -> None:
    patterns = np.random.default_rng(1).random((2, 3, 8, 8))
    orientation, shift = Orientation(True, False, True), (1, -2)
    lazy = Oriented(patterns, orientation, shift)
    whole = orientation.applied(centred(patterns, shift))
    assert np.array_equal(lazy[1, 0:2, 1:7, 1:7], whole[1, 0:2, 1:7, 1:7])
    assert centred(patterns, shift)[0, 0, 4, 4] == patterns[0, 0, 5, 2]
