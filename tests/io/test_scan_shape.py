"""The shape of a scan that no file states."""

from __future__ import annotations

import numpy as np
import pytest

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io.lazy import Native
from napari_mixedptycho.io.scan_shape import factor_pairs, flyback_columns, folded, proposals


def scan(rows: int, columns: int, flyback: int = 0) -> np.ndarray:
    """Patterns (pattern, 8, 8) of a specimen with some structure, noise, and columns of the fly-back."""
    noise = np.random.default_rng(rows)
    y, x = np.mgrid[:rows, : columns + flyback]
    image = 100 + 40 * np.sin(x / 3.1) * np.cos(y / 2.3) + 30 * np.exp(-((x - columns / 3) ** 2) / 9)
    image[:, columns:] = 300
    mean = np.broadcast_to(image[..., None, None], (*image.shape, 8, 8))
    return noise.poisson(mean).reshape(-1, 8, 8).astype(np.uint16)


def test_pairs_of_factors_start_with_the_square() -> None:
    assert factor_pairs(12) == [(3, 4), (4, 3), (2, 6), (6, 2)]
    assert factor_pairs(16)[0] == (4, 4)
    assert factor_pairs(7) == [(1, 7)]
    assert factor_pairs(256 * 257)[0] == (256, 257)


@pytest.mark.parametrize(("rows", "columns"), [(24, 24), (12, 48), (40, 15)])
def test_the_brightness_tells_the_length_of_a_row(rows: int, columns: int) -> None:
    shapes, _ = proposals(scan(rows, columns))
    assert shapes[0] == (rows, columns)


@pytest.mark.parametrize("flyback", [1, 2])
def test_a_column_of_the_flyback_is_seen(flyback: int) -> None:
    shapes, notes = proposals(scan(20, 24, flyback))
    assert shapes[:2] == ((20, 24), (20, 24 + flyback))
    assert any("fly-back" in note for note in notes)


def test_a_file_that_counts_the_flyback_among_its_columns_is_seen_through() -> None:
    patterns = scan(20, 24, 1).reshape(20, 25, 8, 8)
    assert flyback_columns(patterns) == 1
    assert flyback_columns(patterns[:, :-1]) == 0
    assert flyback_columns(Native(patterns)) == 1


def test_mere_noise_tells_nothing() -> None:
    noise = np.random.default_rng(0).poisson(5.0, (144, 8, 8)).astype(np.uint8)
    shapes, notes = proposals(noise)
    assert shapes[0] == (12, 12)
    assert notes == ()


@pytest.mark.parametrize("lazy", [False, True])
def test_folding_leaves_out_what_does_not_belong_to_the_scan(lazy: bool) -> None:
    stack = np.arange(3 * 5 * 64).reshape(15, 8, 8)
    source = Native(stack) if lazy else stack
    kept, notes = folded(source, (3, 4), "f")
    np.testing.assert_array_equal(kept[...], stack.reshape(3, 5, 8, 8)[:, :4])
    assert "fly-back" in notes[0]
    kept, notes = folded(source, (2, 7), "f")
    np.testing.assert_array_equal(kept[...], stack[:14].reshape(2, 7, 8, 8))
    assert "last 1 of 15" in notes[0]


def test_a_shape_that_does_not_fit_is_refused_with_those_that_do() -> None:
    with pytest.raises(
        InputError, match=r"needs 30 patterns and the file holds 15; shapes that fit: \[3, 5\]"
    ):
        folded(np.zeros((15, 8, 8)), (5, 6), "f")


def test_fly_back_does_not_make_a_row_of_many_rows() -> None:
    """It outshines all: rows of 208 repeat themselves as well as rows of 26."""
    rng = np.random.default_rng(1)
    scan = 100 + rng.poisson(20, (24, 26, 8, 8)).astype(np.float32)
    scan[:, 24:] *= 0.5
    shapes, notes = proposals(scan.reshape(-1, 8, 8))
    assert shapes[:2] == ((24, 24), (24, 26))
    assert "every 26" in notes[0]
