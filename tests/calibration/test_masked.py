"""Pixels that are masked by hand have no say: what spoils a scan without the mask does nothing with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_mixedptycho.calibration import Calibration, calibrate
from napari_mixedptycho.calibration.pixels import Mending, bad_pixels, moments
from napari_mixedptycho.data_settings import Preprocess
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.preprocess import measured_only
from tests.calibration.scans import (
    DEFOCUS,
    DK,
    ROTATION,
    SCAN,
    SEMIANGLE,
    SIZE,
    SLOPE,
    STEP,
    TURNED,
    WAVELENGTH,
    dataset,
    scan,
)

HOT_ROWS = ("11-12: 0-31", 3.0)
"""Two rows of an amplifier that glows, as stored, and how bright: times the brightest pixel of the mean."""
BEAM_STOP = ("14-17: 0-14", 20.0)
"""A stop from the left edge to the middle of the disk, whose edge shines."""
RADIUS = SEMIANGLE * 1e-3 / WAVELENGTH / DK


@pytest.fixture(scope="module")
def patterns() -> np.ndarray:
    return scan()


def spoilt(patterns: np.ndarray, where: np.ndarray, bright: float) -> np.ndarray:
    found = patterns.copy()
    level = bright * patterns.mean(axis=(0, 1)).max()
    found[..., where] = np.random.default_rng(1).poisson(level, (SCAN, SCAN, int(where.sum())))
    return found


def right(found: Calibration) -> list[bool]:
    """Tell whether disk, orientation, rotation, defocus and descan are."""
    assert found.rotation is not None
    assert found.defocus is not None
    assert found.slope is not None
    center = np.array([c.value for c in found.disk.center])
    return [
        bool(np.abs(center - SIZE // 2).max() < 0.05 and abs(found.disk.radius.value / RADIUS - 1) < 5e-3),
        found.orientation == TURNED,
        abs(found.rotation.value - ROTATION) < 1.0,
        abs(found.defocus.value - DEFOCUS) < 8,
        bool(np.abs(found.slope[0] - SLOPE).max() < 0.01),
    ]


@pytest.mark.parametrize(("named", "bright"), [HOT_ROWS, BEAM_STOP])
def test_what_spoils_a_scan_does_nothing_where_it_is_masked(
    named: str, bright: float, patterns: np.ndarray
) -> None:
    wish = Preprocess(masked_pixels=named)
    where = ~np.asarray(measured_only(dataset(patterns), wish).mask)
    data = dataset(spoilt(patterns, where, bright))
    assert not any(right(calibrate(data))), "nothing was spoilt: this shows nothing"
    found = calibrate(measured_only(data, wish))
    assert right(found) == [True] * 5
    assert found.pixels.listed() == [[5, 7]], "what is masked is neither hot nor dead"
    assert not found.pixels.dead.any()
    assert found.masked == where.sum()
    assert found.dose is not None
    seen = patterns[..., ~where].sum(axis=-1).mean() / STEP**2
    assert found.dose.value == pytest.approx(seen), "what the artefact adds is no dose"


def test_values_below_the_mask_are_not_read(patterns: np.ndarray) -> None:
    """Not even where they are no numbers, nor in a data set that carries its mask itself."""
    few, mask = patterns[:3, :3].astype(np.float32), np.ones((SIZE, SIZE), bool)
    mask[14:18, :15] = False
    before = calibrate(dataset(few, mask=mask))
    few[..., ~mask] = np.nan
    after = calibrate(dataset(few, mask=mask))
    assert after.disk.radius == before.disk.radius
    np.testing.assert_array_equal(after.maps.center, before.maps.center)


def test_every_mask_counts(patterns: np.ndarray, tmp_path: Path) -> None:
    """That of the file, a mask file, a camera without response, and what was drawn, as stored."""
    own, drawn = np.ones((SIZE, SIZE), bool), np.ones((SIZE, SIZE), bool)
    own[0], drawn[:, 1] = False, False
    gain = np.full((SIZE, SIZE), 2.0)
    gain[:, 2] = 0.0
    np.save(tmp_path / "mask.npy", drawn)
    np.save(tmp_path / "gain.npy", gain)
    files = {"mask": str(tmp_path / "mask.npy"), "gain": str(tmp_path / "gain.npy")}
    wish = Preprocess(**files, masked_pixels="3: 4-5")
    found = measured_only(dataset(patterns, mask=own), wish)
    expected = own & drawn & (gain > 0)
    expected[3, 4:6] = False
    np.testing.assert_array_equal(found.mask, expected)
    read = found.patterns[0, 0]
    np.testing.assert_array_equal(read, np.where(expected, patterns[0, 0], 0))
    assert measured_only(dataset(patterns), Preprocess()).mask is None


def test_a_mask_that_leaves_nothing_is_refused(patterns: np.ndarray) -> None:
    few = dataset(patterns[:2, :2])
    with pytest.raises(InputError, match="the masks leave no pixel"):
        measured_only(few, Preprocess(masked_pixels="0-31: 0-31"))
    with pytest.raises(InputError, match=r"names pixel 32"):
        measured_only(few, Preprocess(masked_pixels="32: 0"))
    rim = np.hypot(*(np.indices((SIZE, SIZE)) - SIZE // 2)) > RADIUS - 1
    with pytest.raises(InputError, match="hides too much of the bright-field disk"):
        calibrate(dataset(patterns[:8, :8], mask=rim))


def test_neighbours_of_a_mask_are_judged_by_what_is_measured() -> None:
    """A hot pixel beside a masked block is hot; those that are left alone between blocks are not."""
    random = np.random.default_rng(1)
    patterns = random.poisson(20.0, (8, 8, 16, 16))
    patterns[..., 6, 7] = 200
    measured = np.ones((16, 16), bool)
    measured[4:6, :], measured[8:12, 0:3], measured[8:12, 4:7] = False, False, False
    patterns[..., ~measured] = 0
    found = bad_pixels(moments(patterns), measured)
    assert found.listed() == [[6, 7]]
    assert not found.dead.any()


def test_mended_pixels_hold_the_mean_of_the_nearest() -> None:
    image = np.arange(25.0).reshape(5, 5)
    bad = np.zeros((5, 5), bool)
    bad[0:3, 0:3] = True
    mended = Mending(bad)(np.stack([image, 2 * image]))
    assert mended[0, 1, 1] == pytest.approx(np.mean([3, 8, 13, 15, 16, 17, 18]))
    assert mended[0, 2, 2] == pytest.approx(np.mean([8, 13, 16, 17, 18]))
    np.testing.assert_array_equal(mended[1], 2 * mended[0])
    np.testing.assert_array_equal(mended[0][~bad], image[~bad])
    nothing = np.ones((5, 5), bool)
    np.testing.assert_array_equal(Mending(nothing)(image), image)
    np.testing.assert_array_equal(Mending(~nothing)(image), image)
