"""An estimate on another grid is the same estimate."""

from __future__ import annotations

import numpy as np
import pytest

from napari_mixedptycho.guess.resample import Grid, object_to, phase_of, probe_to, slices_to
from napari_mixedptycho.optics import parametric_probe


def waves(grid: Grid, finest: float, seed: int = 0) -> np.ndarray:
    """Return an image (1, 1, y, x) of random waves down to a wave length, Å, drawn on any grid.

    Like an object it is flat where no probe was: towards the edges of a field of about 20 Å.
    """
    random = np.random.default_rng(seed)
    y, x = grid.pixels(0)[:, None], grid.pixels(1)
    image = np.zeros(grid.shape)
    for _ in range(12):
        k, angle, start = random.uniform(0, 1 / finest), *random.uniform(0, 2 * np.pi, 2)
        image += np.cos(2 * np.pi * k * (np.cos(angle) * y + np.sin(angle) * x) + start)
    lit = np.exp(-(((y - 6.5) / 5) ** 4) - ((x - 7) / 6) ** 4)
    return (0.1 * image * lit)[None, None].astype(np.float32)


def middle(image: np.ndarray, part: float = 0.2) -> np.ndarray:
    rows, columns = (round(part * n) for n in image.shape[-2:])
    return image[..., rows:-rows, columns:-columns]


NOTHING = np.zeros((1, 1, 1, 1), np.float32)


@pytest.mark.parametrize("sampling", [0.1, 0.17, 0.25, 0.4])
@pytest.mark.parametrize("shift", [0.0, 0.13])
def test_what_both_grids_can_hold_survives_on_the_other(sampling: float, shift: float) -> None:
    old = Grid((96, 110), 0.2, (-3.0, -4.0))
    new = Grid((round(19 / sampling), round(22 / sampling)), sampling, (-3.0 + shift, -4.0 + shift))
    moved = object_to(waves(old, 1.6), old, new, NOTHING)
    expected = waves(new, 1.6)
    assert np.abs(moved - expected).max() < 1e-3 * np.abs(expected).max()


def test_there_and_back_again_changes_nothing() -> None:
    old, fine = Grid((60, 64), 0.2, (0.0, 0.0)), Grid((120, 128), 0.1, (-0.05, -0.05))
    random = np.random.default_rng(0).normal(0, 1, (2, 3, 60, 64)).astype(np.float32)
    fill = np.zeros((2, 3, 1, 1), np.float32)
    back = object_to(object_to(random, old, fine, fill), fine, old, fill)
    np.testing.assert_allclose(back, random, atol=2e-5)


def test_frequencies_that_no_longer_fit_are_left_out() -> None:
    old, coarse = Grid((64, 64), 0.2, (0.0, 0.0)), Grid((32, 32), 0.4, (0.1, 0.1))
    fast = np.cos(2 * np.pi * 1.9 * np.arange(64) * 0.2)[None, None, :, None] * np.ones(64)
    found = object_to(fast, old, coarse, NOTHING)
    # On the coarse grid (up to 1.25 per Å) they would come back as another, slower wave.
    assert np.abs(middle(found)).max() < 0.05


def test_a_new_area_is_filled_and_the_old_one_stays() -> None:
    old, new = Grid((40, 40), 0.2, (0.0, 0.0)), Grid((60, 50), 0.2, (-2.0, 1.0))
    image = waves(old, 1.5)
    fill = np.full((1, 1, 1, 1), 0.7, np.float32)
    moved = object_to(image, old, new, fill)
    np.testing.assert_allclose(moved[..., 10:50, :35], image[..., 5:], atol=1e-5)
    assert (moved[..., :10, :] == fill).all()
    assert (moved[..., 50:, :] == fill).all()
    assert (moved[..., 35:] == fill).all()


def test_transmissions_are_carried_over_too() -> None:
    old, new = Grid((80, 80), 0.2, (0.0, 0.0)), Grid((150, 150), 0.1, (0.5, 0.4))
    moved = object_to(np.exp(1j * waves(old, 2.5)), old, new, NOTHING)
    assert moved.dtype == np.complex64 or moved.dtype == np.complex128
    assert np.abs(middle(moved - np.exp(1j * waves(new, 2.5)))).max() < 1e-3


# --- the probe ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "factor"), [(48, 1.5), (64, 2.0), (24, 0.75), (27, 27 / 32)])
def test_a_probe_on_a_padded_or_cropped_detector_is_the_same_probe(size: int, factor: float) -> None:
    old = parametric_probe(32, 0.25, 60e3, 25.0, 30.0)
    new = probe_to(old[None], 0.25, size, 0.25 / factor)[0]
    expected = parametric_probe(size, 0.25 / factor, 60e3, 25.0, 30.0)
    assert np.linalg.norm(new) == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(new, expected, atol=1e-6)


def test_padding_embeds_the_spectrum_as_the_detector_does() -> None:
    random = np.random.default_rng(0)
    rough = (random.normal(size=(2, 16, 16)) + 1j * random.normal(size=(2, 16, 16))).astype(np.complex64)
    padded = probe_to(rough, 0.3, 24, 0.2)
    assert np.linalg.norm(padded) == pytest.approx(np.linalg.norm(rough), rel=1e-6)
    np.testing.assert_allclose(probe_to(padded, 0.2, 16, 0.3), rough, atol=1e-5)
    spectra = [
        np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(p, axes=(-2, -1)), norm="ortho"))
        for p in (rough[0], padded[0])
    ]
    np.testing.assert_allclose(spectra[1][4:20, 4:20], spectra[0], atol=1e-5)


@pytest.mark.parametrize(("size", "sampling"), [(96, 0.25), (64, 0.3), (40, 0.25)])
def test_a_probe_in_another_window_has_the_same_electrons(size: int, sampling: float) -> None:
    old = parametric_probe(64, 0.25, 60e3, 25.0, 20.0)
    new = probe_to(old[None], 0.25, size, sampling)[0]
    assert np.linalg.norm(new) == pytest.approx(1, abs=2e-2)
    overlap = np.vdot(new, parametric_probe(size, sampling, 60e3, 25.0, 20.0))
    assert abs(overlap) > 0.97 * np.linalg.norm(new)


# --- slices ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("old", "new"), [(1, 4), (4, 1), (4, 6), (6, 4), (3, 3), (5, 2)])
@pytest.mark.parametrize("kind", ["phase", "complex"])
def test_the_projection_is_kept_over_any_change_of_slices(old: int, new: int, kind: str) -> None:
    random = np.random.default_rng(1)
    phase = random.uniform(-0.5, 1.5, (2, old, 8, 9)) / old
    stored = phase if kind == "phase" else np.exp(1j * phase - random.uniform(0, 0.1, phase.shape))
    found = slices_to(stored, new)
    assert found.shape == (2, new, 8, 9)
    assert found.dtype == stored.dtype
    if kind == "phase":
        np.testing.assert_allclose(found.sum(axis=1), phase.sum(axis=1), rtol=1e-5)
    else:
        np.testing.assert_allclose(found.prod(axis=1), stored.prod(axis=1), rtol=1e-5)


def test_phase_per_depth_is_kept() -> None:
    stored = np.zeros((1, 2, 1, 1))
    stored[0, :, 0, 0] = [1.0, 3.0]
    np.testing.assert_allclose(slices_to(stored, 4)[0, :, 0, 0], [0.5, 0.5, 1.5, 1.5])
    np.testing.assert_allclose(slices_to(stored, 3)[0, :, 0, 0], [2 / 3, 1 / 3 + 1, 2])


def test_a_wrapped_phase_is_unwrapped() -> None:
    y, x = np.mgrid[:40, :50]
    phase = (5.5 * np.exp(-((y - 20) ** 2 + (x - 25) ** 2) / 60))[None, None]
    found = phase_of(np.exp(1j * phase))
    np.testing.assert_allclose(found - found[..., :1, :1], phase - phase[..., :1, :1], atol=1e-4)
    small = 0.3 * phase
    np.testing.assert_allclose(phase_of(np.exp(1j * small)), small, atol=1e-5)
