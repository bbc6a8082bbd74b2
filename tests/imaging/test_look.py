"""Virtual images: what they add up to, from coarse to fine, of patterns that stay in their file."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.imaging import (
    BRIGHT,
    DARK,
    Frame,
    direction,
    first_look,
    look,
    magnitude,
    ring,
    virtual_images,
)
from napari_mixedptycho.io import load
from napari_mixedptycho.optics import wavelength
from napari_mixedptycho.stored import Stored
from tests.physics.toys import dataset


class Counted:
    """Patterns that are made when they are read, and count what is."""

    def __init__(self, shape: tuple[int, int, int, int], dtype: Any = np.uint16) -> None:
        self.shape, self.dtype, self.read = shape, np.dtype(dtype), np.zeros(shape[:2], int)

    def __getitem__(self, where: tuple[Any, ...]) -> NDArray[Any]:
        row, columns, *_ = where
        self.read[row, columns] += 1
        values = row * 1000 + np.arange(self.shape[1])[columns]
        return np.ones((len(values), *self.shape[2:]), self.dtype) * values[:, None, None].astype(self.dtype)


def random_patterns(shape: tuple[int, int, int, int], seed: int = 0) -> NDArray[np.uint16]:
    return np.random.default_rng(seed).integers(0, 50, shape, dtype=np.uint16)


# --- sums -----------------------------------------------------------------------------------------


def test_rings_that_cover_everything_add_up_to_the_total() -> None:
    patterns = random_patterns((5, 7, 20, 22))
    frame = Frame((20, 22), (9.3, 11.6), 4.0)
    rings = {"a": frame.ring(0, 4), "b": frame.ring(4, 7.5), "c": frame.ring(7.5)}
    *_, last = look(patterns, frame, rings)
    np.testing.assert_array_equal(last.total, patterns.sum(axis=(2, 3)))
    np.testing.assert_array_equal(sum(last.sums.values()), last.total)
    np.testing.assert_allclose(last.mean_pattern, patterns.mean(axis=(0, 1)))
    assert last.done == 1.0
    assert last.stride == 1


def test_masked_pixels_count_nowhere_and_may_hold_anything() -> None:
    patterns = random_patterns((3, 3, 16, 16)).astype(np.float32)
    mask = np.ones((16, 16), bool)
    mask[4, 5] = mask[9, 9] = False
    expected = np.where(mask, patterns, 0).sum(axis=(2, 3))
    patterns[..., ~mask] = np.nan
    data = dataset(patterns=patterns, mask=mask)
    last = virtual_images(data, {"all": ring((16, 16), (8, 8), 0)})
    np.testing.assert_allclose(last.sums["all"], expected)
    np.testing.assert_allclose(last.total, expected)
    assert np.isfinite(last.center).all()


def test_an_empty_pattern_has_no_centre_of_mass() -> None:
    patterns = random_patterns((2, 2, 16, 16))
    patterns[1, 0] = 0
    last = virtual_images(dataset(patterns=patterns))
    assert last.center[:, 1, 0].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("shape", [(13, 11), (64, 3), (1, 9), (40, 40)])
def test_every_pattern_is_read_once(shape: tuple[int, int]) -> None:
    made = Counted((*shape, 8, 8), np.float32)
    frame = Frame((8, 8), (4, 4), 2)
    *_, last = look(made, frame)
    assert (made.read == 1).all()
    expected = np.arange(shape[0])[:, None] * 1000 + np.arange(shape[1])
    np.testing.assert_allclose(last.total, 64 * expected)


def test_images_grow_finer_and_keep_their_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_mixedptycho.imaging.stream._FIRST", 16 * 128)
    made = Counted((20, 30, 8, 8), np.uint16)
    seen = list(look(made, Frame((8, 8), (4, 4), 2)))
    assert seen[0].done < 0.05
    assert [images.total.shape for images in seen] == [(20, 30)] * len(seen)
    assert all(a.done < b.done for a, b in pairwise(seen))
    assert seen[-1].done == 1.0
    # What has not been read shows the nearest coarser point above and left of it.
    coarse = seen[0]
    columns = np.nonzero(coarse.seen)[1]
    pitch = int(columns[1] - columns[0])
    assert pitch == 8
    expected = 64 * (np.arange(20)[:, None] // pitch * pitch * 1000 + np.arange(30) // pitch * pitch)
    np.testing.assert_allclose(coarse.total, expected)


def test_a_budget_is_kept() -> None:
    made = Counted((300, 200, 16, 16))
    *_, last = look(made, Frame((16, 16), (8, 8), 4), budget=2**20)
    assert made.read.sum() * 512 <= 2**20
    assert made.read.sum() * 512 > 2**19
    assert last.done == 1.0
    assert last.total.shape == (-(-300 // last.stride), -(-200 // last.stride))
    wanted = made.read[:: last.stride, :: last.stride]
    assert wanted.all()
    assert wanted.sum() == made.read.sum()


def test_memory_does_not_grow_with_the_scan() -> None:
    made = Counted((64, 512, 64, 64), np.uint8)  # 134 MB
    frame = Frame((64, 64), (32, 32), 8)
    tracemalloc.start()
    for _ in look(made, frame):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 96 * 2**20


def test_stored_patterns_are_read_as_arrays_are() -> None:
    patterns = random_patterns((9, 8, 16, 16))
    data = dataset(patterns=patterns)
    from_file = data.replace(patterns=Stored.of(patterns).cut(1, 8, 2, 7))
    in_memory = data.replace(patterns=patterns[1:8, 2:7])
    a, b = virtual_images(from_file), virtual_images(in_memory)
    np.testing.assert_array_equal(a.center, b.center)
    np.testing.assert_array_equal(a.sums[DARK], b.sums[DARK])
    for where in (2, -1, (1, 2), (slice(0, 6, 3), slice(1, 5, 2)), (..., 3), (slice(None), 0, ..., 2), ...):
        np.testing.assert_array_equal(from_file.patterns[where], in_memory.patterns[where])


# --- frames ---------------------------------------------------------------------------------------


def test_angles_are_those_of_the_data() -> None:
    data = load("sample:si_sigma9")
    frame = Frame.of(data)
    assert frame.angle(frame.radius) == pytest.approx(data.semiangle)
    assert frame.pixels(data.semiangle) == pytest.approx(frame.radius)
    with pytest.raises(InputError, match="sampling"):
        Frame((8, 8), (4, 4), 2).angle(1)


def test_the_disk_is_found_when_nothing_is_known() -> None:
    patterns = np.asarray(load("sample:si_sigma9").patterns[:6, :6])
    *_, last = look(patterns)
    expected = Frame.of(load("sample:si_sigma9"))
    assert last.frame.radius == pytest.approx(expected.radius, rel=0.03)
    np.testing.assert_allclose(last.frame.center, expected.center, atol=0.3)
    assert last.frame.sampling is None


def test_patterns_without_a_disk_still_have_images() -> None:
    *_, last = look(np.zeros((3, 3, 16, 20), np.uint8))
    assert last.frame.center == (8.0, 10.0)
    assert not last.total.any()


def test_the_bright_field_dims_where_the_dark_field_shines() -> None:
    images = virtual_images(load("sample:si_sigma9"))
    contrast = np.corrcoef(images.sums[BRIGHT].ravel(), images.sums[DARK].ravel())[0, 1]
    assert contrast < -0.8


def test_a_first_look_reads_a_part() -> None:
    made = Counted((128, 128, 16, 16), np.uint16)
    data = dataset(patterns=np.zeros((1, 1, 16, 16))).replace(patterns=made)
    *_, last = first_look(data, budget=2**18)
    assert made.read.sum() * 512 <= 2**18
    assert last.step == pytest.approx(data.scan_step * last.stride)


# --- vectors --------------------------------------------------------------------------------------


def test_a_shifted_disk_has_its_centre_where_it_was_put() -> None:
    size, radius = 48, 9.0
    y, x = np.ogrid[:size, :size]
    shifts = np.random.default_rng(1).uniform(-3, 3, (4, 5, 2))
    patterns = np.empty((4, 5, size, size), np.float32)
    for place in np.ndindex(4, 5):
        away = np.hypot(y - size // 2 - shifts[place][0], x - size // 2 - shifts[place][1])
        patterns[place] = np.clip((radius - away) / 3 + 0.5, 0, 1)  # a soft edge: its centre is exact
    images = virtual_images(dataset(patterns=patterns))
    np.testing.assert_allclose(images.center, shifts.transpose(2, 0, 1), atol=0.01)
    # 1 px is 1/6 1/Å: times the wavelength an angle.
    np.testing.assert_allclose(images.deflection(), images.center / 6 * wavelength(60e3) * 1e3)
    np.testing.assert_allclose(images.gradient(level=False), images.center / 6)


def test_vectors_are_turned_into_the_scan() -> None:
    frame = Frame((8, 8), (4, 4), 2, rotation=90.0)
    # The scan's x axis points along the detector's y axis, and its y axis against the detector's x axis.
    np.testing.assert_allclose(frame.in_scan([1.0, 0.0]), [0.0, 1.0], atol=1e-12)
    np.testing.assert_allclose(frame.in_scan([0.0, 1.0]), [-1.0, 0.0], atol=1e-12)


def test_descan_is_taken_away() -> None:
    size, scan = 32, (5, 6)
    descan = np.array([[0.5, -1.0], [0.4, 0.1], [-0.2, 0.3]])
    y, x = np.ogrid[:size, :size]
    patterns = np.empty((*scan, size, size))
    for row, column in np.ndindex(scan):
        zero = size // 2 + descan[0] + row * descan[1] + column * descan[2]
        patterns[row, column] = np.clip((7 - np.hypot(y - zero[0], x - zero[1])) / 3 + 0.5, 0, 1)
    data = dataset(patterns=patterns, descan=descan)
    np.testing.assert_allclose(virtual_images(data).center, 0, atol=0.01)
    unknown = virtual_images(data.replace(descan=None))
    assert np.abs(unknown.center).max() > 1
    np.testing.assert_allclose(unknown.gradient(), 0, atol=0.002)


def test_magnitude_and_direction() -> None:
    vectors = np.array([[0.0, 2.0, 0.0, -3.0], [1.0, 0.0, -1.0, 0.0]])
    np.testing.assert_allclose(magnitude(vectors), [1, 2, 1, 3])
    np.testing.assert_allclose(direction(vectors), [0, 90, 180, -90])


# --- the phase ------------------------------------------------------------------------------------


def weak_phase_scan() -> tuple[Any, NDArray[np.float64]]:
    """Scan a probe over two soft atoms of 0.05 rad; with the phase blurred by the probe."""
    size, sampling, step, energy, semiangle = 64, 0.25, 0.5, 60e3, 25.0
    field = size * sampling  # 16 Å, periodic; the atoms lie far from its edges
    r = np.arange(size) * sampling
    phase = np.zeros((size, size))
    for cy, cx, width in ((6.5, 7.0, 0.6), (9.5, 8.5, 0.8)):
        phase += 0.05 * np.exp(-((r[:, None] - cy) ** 2 + (r - cx) ** 2) / (2 * width**2))
    k = np.fft.fftfreq(size, sampling)
    ky, kx = k[:, None], k[None, :]
    aperture = np.hypot(ky, kx) <= semiangle * 1e-3 / wavelength(energy)
    intensity = np.abs(np.fft.ifft2(aperture)) ** 2
    intensity /= intensity.sum()
    blurred = np.fft.ifft2(np.fft.fft2(phase) * np.conj(np.fft.fft2(intensity))).real
    points = np.arange(0, size, round(step / sampling))
    patterns = np.empty((len(points), len(points), size, size), np.float32)
    for i, row in enumerate(points):
        for j, column in enumerate(points):
            shift = np.exp(-2j * np.pi * (ky * r[row] + kx * r[column]))
            wave = np.fft.ifft2(aperture * shift) * np.exp(1j * phase)
            patterns[i, j] = np.fft.fftshift(np.abs(np.fft.fft2(wave)) ** 2)
    data = dataset(
        patterns=patterns,
        energy=energy,
        semiangle=semiangle,
        scan_step=step,
        detector_sampling=1 / field,
        defocus=0.0,
    )
    return data, blurred[np.ix_(points, points)]


def test_the_integrated_centre_of_mass_is_the_phase_blurred_by_the_probe() -> None:
    data, blurred = weak_phase_scan()
    found = virtual_images(data).phase(level=False)
    expected = blurred - blurred.mean()
    assert np.abs(found - expected).max() < 0.02 * np.ptp(expected)
    smooth = virtual_images(data).phase(level=False, smooth=100.0)
    assert np.abs(smooth - expected).max() < 0.15 * np.ptp(expected)
    assert abs(smooth.mean()) < 1e-6


def test_it_is_so_for_a_detector_that_is_turned() -> None:
    data, blurred = weak_phase_scan()
    # A detector turned by a quarter: what lay along its y axis comes to lie along x.
    turned = np.rot90(data.patterns[..., 1:, 1:], axes=(2, 3))
    patterns = np.pad(turned, ((0, 0), (0, 0), (1, 0), (1, 0)))
    expected = blurred - blurred.mean()
    errors = {}
    for rotation in (0.0, 90.0, -90.0):
        images = virtual_images(data.replace(patterns=patterns, scan_rotation=rotation))
        errors[rotation] = float(np.abs(images.phase(level=False) - expected).max() / np.ptp(expected))
    assert min(errors, key=errors.__getitem__) in (90.0, -90.0)
    assert min(errors.values()) < 0.02
    assert errors[0.0] > 0.3


def test_the_bright_field_is_the_light_inside_the_disk() -> None:
    dataset = load("sample:si_sigma9")
    n = dataset.detector_size
    y, x = np.mgrid[:n, :n] - n // 2
    disk = np.hypot(y, x) * dataset.detector_sampling * dataset.wavelength * 1e3 <= dataset.semiangle
    expected = (dataset.values * disk).sum(axis=(2, 3))
    np.testing.assert_allclose(virtual_images(dataset).sums[BRIGHT], expected, rtol=1e-5)


@pytest.mark.parametrize("size", [200, 203])
def test_a_quick_look_for_the_disk_finds_the_same(size: int) -> None:
    y, x = np.mgrid[:size, :size]
    mean = 1.0 / (1 + np.exp(np.hypot(y - 104.3, x - 95.8) - 40.2))
    mask = np.ones((size, size), bool)
    mask[100:104, :60] = False
    mean[~mask] = 1e6
    slow, quick = Frame.found(mean, mask), Frame.found(mean, mask, edge=64)
    np.testing.assert_allclose(quick.center, slow.center, atol=0.1)
    np.testing.assert_allclose(slow.center, (104.3, 95.8), atol=0.05)
    assert quick.radius == pytest.approx(slow.radius, abs=0.3)
    assert quick.shape == (size, size)
