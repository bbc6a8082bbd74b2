"""A simulated scan with everything askew at once: each number must come back."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from napari_mixedptycho.calibration import Calibration, calibrate, set_right
from napari_mixedptycho.calibration.bright_field import transformed
from napari_mixedptycho.calibration.centre_of_mass import curl, descan, integrated
from napari_mixedptycho.calibration.disk import find_disk
from napari_mixedptycho.calibration.pixels import Mending, bad_pixels, moments
from napari_mixedptycho.dataset import turning
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.orientation import Orientation
from tests.calibration.scans import (
    DEFOCUS,
    DK,
    ROTATION,
    SCAN,
    SEMIANGLE,
    SLOPE,
    STEP,
    TURNED,
    WAVELENGTH,
    dataset,
    scan,
)


@pytest.fixture(scope="module")
def patterns() -> np.ndarray:
    return scan()


@pytest.fixture(scope="module")
def found(patterns: np.ndarray) -> Calibration:
    return calibrate(dataset(patterns))


def test_direction_and_defocus(found: Calibration) -> None:
    assert found.orientation == TURNED
    assert found.rotation is not None
    assert found.rotation.value == pytest.approx(ROTATION, abs=1.0)
    assert found.defocus is not None
    assert found.defocus.value == pytest.approx(DEFOCUS, abs=8)
    assert found.aberrations is not None
    assert np.abs(found.aberrations.astigmatism).max() < 8
    assert found.sign is not None
    assert found.sign.certainty > 3
    assert found.sign.phase.shape == (SCAN, SCAN)


def test_disk_and_sampling(found: Calibration) -> None:
    assert found.disk.radius.value == pytest.approx(SEMIANGLE * 1e-3 / WAVELENGTH / DK, rel=5e-3)
    assert found.sampling.value == pytest.approx(DK, rel=5e-3)
    assert found.sampling.error < 1e-2 * DK


@pytest.mark.parametrize("orientation", [TURNED, Orientation(False, True, False)])
def test_astigmatism_lies_on_the_detector_set_right(orientation: Orientation) -> None:
    """Also where the fit went by a quarter turn, which changes its sign."""
    told = calibrate(dataset(scan(orientation, 40.0, astigmatism=(25.0, -12.0))))
    assert told.orientation == orientation
    assert told.astigmatism is not None
    assert [part.value for part in told.astigmatism] == pytest.approx([25.0, -12.0], abs=4)
    assert all(0 < part.error < 4 for part in told.astigmatism)
    again = told.upside_down()
    assert again.orientation == Orientation.of(-orientation.matrix)
    assert again.astigmatism is not None
    assert again.astigmatism[0].value == -told.astigmatism[0].value
    assert told.sign is not None
    assert again.sign is not None
    assert again.sign.certainty == pytest.approx(-told.sign.certainty)


def test_few_scan_points_measure_what_they_can(patterns: np.ndarray) -> None:
    few = calibrate(dataset(patterns[:3, :2]))
    assert few.disk.radius.error > 0
    assert few.dose is not None
    assert few.dose.error > 0
    for name in ("rotation", "defocus", "astigmatism", "descan", "curl", "sign", "slope"):
        assert getattr(few, name) is None, name
    assert few.orientation.straight
    single = calibrate(dataset(patterns[:1, :1]))
    assert single.dose is not None
    assert np.isnan(single.dose.error)


def test_descan_pixels_and_dose(found: Calibration, patterns: np.ndarray) -> None:
    assert found.slope is not None
    slope, error = found.slope
    assert slope == pytest.approx(SLOPE, abs=0.01)
    assert (np.abs(slope - SLOPE) < 5 * error + 0.002).all()
    assert found.pixels.listed() == [[5, 7]]
    assert found.dose is not None
    assert found.dose.value == pytest.approx(patterns.sum(axis=(2, 3)).mean() / STEP**2)


@pytest.mark.parametrize("rotation", [-170.0, -50.0, 0.0, 44.0, 46.0, 130.0, 359.0])
@pytest.mark.parametrize("transpose", [False, True])
def test_quarters_move_into_the_orientation(rotation: float, transpose: bool) -> None:
    angle, orientation = set_right(rotation, transpose)
    assert abs(angle) <= 45
    whole = turning(-rotation) @ Orientation(transpose).matrix
    assert turning(-angle) @ orientation.matrix == pytest.approx(whole)


@pytest.mark.parametrize("center", [(15.3, 16.8), (16.0, 16.0)])
def test_a_disk_is_found_below_a_tenth_of_a_pixel(center: tuple[float, float]) -> None:
    fine = (np.arange(32 * 8) + 0.5) / 8 - 0.5
    disk = (np.hypot(fine[:, None] - center[0], fine - center[1]) < 8.37).astype(float) + 0.02
    pattern = disk.reshape(32, 8, 32, 8).mean(axis=(1, 3))
    noisy = np.random.default_rng(0).poisson(pattern * 400).astype(float)
    disk_found = find_disk(noisy)
    assert [c.value for c in disk_found.center] == pytest.approx(center, abs=0.05)
    assert disk_found.radius.value == pytest.approx(8.37, abs=0.04)
    assert 0.001 < disk_found.radius.error < 0.05


def test_no_disk_is_said() -> None:
    with pytest.raises(InputError, match="bright-field disk"):
        find_disk(np.zeros((16, 16)))


def test_the_edge_of_the_disk_is_not_hot_and_chance_is_not_either() -> None:
    random = np.random.default_rng(1)
    expected = np.where(np.hypot(*(np.indices((24, 24)) - 12)) < 6, 3.0, 0.01)
    patterns = random.poisson(expected, (6, 6, 24, 24))
    assert not bad_pixels(moments(patterns)).bad.any()
    patterns[..., 12, 12], patterns[..., 2, 3], patterns[..., 2, 4] = 0, 5, 5
    bad = bad_pixels(moments(patterns))
    assert bad.listed() == [[2, 3], [2, 4]]
    assert np.argwhere(bad.dead).tolist() == [[12, 12]]
    assert Mending(bad.bad)(patterns)[..., 12, 12].mean() == pytest.approx(3.0, rel=0.1)


def test_a_turned_gradient_has_its_curl_where_it_is_turned_to() -> None:
    y, x = np.indices((24, 20)) * 0.5
    waves = [(1 / 3, 0.2), (1 / 6, -1 / 3), (-0.3, 0.25), (0.02, 0.4), (0.45, -0.05)]
    phase = sum(np.cos(2 * np.pi * (y * a + x * b) + a) for a, b in waves)
    gradient = np.stack(np.gradient(phase, 0.5))
    turned = np.einsum("ij,jyx->iyx", turning(25.0), gradient)
    for vectors, swap in ((turned, False), (turned[::-1], True)):
        told = curl(vectors)
        assert told.transpose == swap
        assert told.rotation.value == pytest.approx(25, abs=3)
        assert min(told.straight.min(), told.swapped.min()) < 0.3
    again = integrated(gradient / (2 * np.pi), 0.5, 1.0)
    assert np.corrcoef(again.ravel(), phase.ravel())[0, 1] > 0.97
    assert again.std() == pytest.approx(phase.std(), rel=0.2)


def test_outliers_do_not_tilt_the_descan() -> None:
    y, x = np.indices((12, 12)) - 5.5
    center = np.stack([0.1 * y, -0.2 * x + 0.3]) + np.random.default_rng(2).normal(0, 0.02, (2, 12, 12))
    center[:, 0, 0] = 9
    plane = descan(center)
    assert plane.slope == pytest.approx(np.array([[0.1, 0], [0, -0.2]]), abs=0.005)
    assert plane.offset == pytest.approx([0, 0.3], abs=0.02)
    assert plane.plane((12, 12))[:, 6, 6] == pytest.approx([0.05, 0.2], abs=0.02)


class _Enough(Exception):  # noqa: N818 - as a job ends that nobody wants any more
    pass


def test_whoever_follows_the_fit_may_end_it(patterns: np.ndarray) -> None:
    """Every step of the fit tells how far it is, and goes no further when that raises."""
    heard: list[float] = []
    few = dataset(patterns[:8, :8])
    calibrate(few, heard.append)
    assert heard == sorted(heard)
    assert heard[0] == 0
    assert 0.9 < heard[-1] < 1
    assert len(heard) > 500, "often enough to stop at once"
    for most in (1, 30, len(heard)):
        left = iter(range(most - 1))

        def told(part: float, left: Iterator[int] = left) -> None:
            if next(left, None) is None:
                raise _Enough

        with pytest.raises(_Enough):
            calibrate(few, told)


def test_images_that_share_nothing_break_nothing(found: Calibration) -> None:
    """As of a semi-angle in the wrong unit: shifted by far more than the scan is wide."""
    assert found.stack is not None
    bands = transformed(found.stack, np.array([0.0, 1e6, 0.0, 0.0]), False)
    assert np.isfinite(bands.spectrum).all()
