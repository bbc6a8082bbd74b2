"""The shape of a scan whose shape was lost is found again, and looks like the scan."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from napari_mixedptycho.imaging import ScanGuess, guesses, traces
from napari_mixedptycho.io import sample_path


@pytest.fixture(scope="module")
def sample() -> np.ndarray:
    with h5py.File(sample_path("si_sigma9")) as file:
        return np.asarray(file["data"])


def guessed(scan: np.ndarray, most: int | None = None) -> tuple[ScanGuess, ...]:
    return guesses(traces(scan.reshape(-1, *scan.shape[-2:])[:most]))


@pytest.mark.parametrize(("rows", "columns"), [(24, 24), (12, 12), (18, 24), (24, 15), (16, 9)])
def test_a_lost_shape_is_found(sample: np.ndarray, rows: int, columns: int) -> None:
    best, *others = guessed(sample[:rows, :columns])
    assert best.shape == (rows, columns)
    assert best.similarity > 0.75
    assert all(best.similarity > other.similarity + 0.15 for other in others)
    assert len({guess.shape for guess in (best, *others)}) == len(others) + 1


def test_the_picture_is_that_of_the_scan(sample: np.ndarray) -> None:
    best, *others = guessed(sample)
    y, x = np.mgrid[:64, :64] - 32
    disk = np.hypot(y, x) < 10.9
    images = [sample[..., disk].sum(axis=-1), sample[..., ~disk].sum(axis=-1)]
    images += [(sample * axis).sum(axis=(2, 3)) / sample.sum(axis=(2, 3)) for axis in (y, x)]
    alike = [abs(np.corrcoef(image.ravel(), best.image.ravel())[0, 1]) for image in images]
    assert max(alike) > 0.9
    for other in others:
        assert other.image.shape == other.shape, "all of it, in its own shape"


def test_fly_back_columns_are_left_out(sample: np.ndarray) -> None:
    flown = np.concatenate([sample, 0.5 * sample[:, :2]], axis=1)
    best, second, *_ = guessed(flown)
    assert best.shape == (24, 24)
    assert second.shape == (24, 26)
    assert best.image.shape == (24, 24)


def test_a_scan_that_was_stopped_in_a_row(sample: np.ndarray) -> None:
    best, *_ = guessed(sample, 10 * 24 + 9)
    assert best.shape == (10, 24)
    assert best.image.shape == (10, 24)


def test_noise_leaves_the_order_of_the_reader() -> None:
    noise = np.random.default_rng(0).poisson(5, (144, 16, 16)).astype(np.float32)
    found = guesses(traces(noise), ((9, 16), (12, 12)))
    assert [guess.shape for guess in found[:2]] == [(9, 16), (12, 12)]
    assert found[0].similarity < 0.3
    flat = guesses(traces(np.ones((7, 8, 8), np.uint16)), ())
    assert [guess.shape for guess in flat] == [(1, 7)]
    assert np.isfinite(flat[0].image).all()


def test_few_patterns_are_read_of_a_large_file(sample: np.ndarray) -> None:
    """Only as many as the budget allows, and none twice."""

    class Counting:
        shape, dtype, read = (576, 64, 64), np.dtype(np.float32), 0

        def __getitem__(self, where: slice | tuple[slice, slice]) -> np.ndarray:
            found = sample.reshape(-1, 64, 64)[where]
            self.read += found.nbytes
            return found

    stack, told = Counting(), []
    seen = traces(stack, lambda: told.append(1), budget=200 * 64 * 64 * 4)
    assert seen.values.shape == (4, 200)
    assert stack.read == (200 + 32) * 64 * 64 * 4
    assert told
    best = guesses(seen)[0]
    assert best.shape == (24, 24)
    assert best.image.shape == (8, 24), "the rows that were read"
