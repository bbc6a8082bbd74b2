"""Preprocessing: every step does what its setting says, lazily or at once, and is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from napari_mixedptycho.binning import binned
from napari_mixedptycho.data_settings import Preprocess, numbered
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.imaging import virtual_images
from napari_mixedptycho.io import Layout, load
from napari_mixedptycho.orientation import Orientation
from napari_mixedptycho.preprocess import arranged, bytes_after, dtype_after, shape_after
from napari_mixedptycho.stored import Stored
from tests.physics.toys import dataset

SCAN = (9, 11)


def counted(size: int = 24, scan: tuple[int, int] = SCAN, **changes: Any) -> Dataset:
    values = np.random.default_rng(5).integers(0, 200, (*scan, size, size), dtype=np.uint16)
    return dataset(patterns=values, **changes)


def wish(**settings: Any) -> Preprocess:
    return Preprocess.parse(settings)


def both(data: Dataset, chosen: Preprocess, **more: Any) -> Dataset:
    """Arrange patterns in memory and in a file, which must come out the same; return the former."""
    memory = arranged(data, chosen, **more)
    in_file = arranged(data.replace(patterns=Stored.of(data.patterns)), chosen, **more)
    assert isinstance(memory.patterns, np.ndarray)
    assert isinstance(in_file.patterns, Stored)
    assert in_file.patterns.shape == memory.patterns.shape
    assert in_file.patterns.dtype == memory.patterns.dtype
    np.testing.assert_array_equal(in_file.patterns[...], memory.patterns)
    np.testing.assert_array_equal(in_file.patterns[-1], memory.patterns[-1])
    assert in_file.notes == memory.notes
    assert memory.patterns.shape == shape_after(chosen, data.patterns.shape)
    assert memory.patterns.dtype == dtype_after(chosen, data.patterns.dtype)
    assert memory.patterns.nbytes == bytes_after(chosen, data.patterns.shape, data.patterns.dtype)
    return memory


def said(data: Dataset, *words: str) -> bool:
    return any(all(word in note for word in words) for note in data.notes)


# --- scan -----------------------------------------------------------------------------------------


def test_nothing_to_do_changes_nothing() -> None:
    data = counted()
    same = arranged(data, wish())
    assert same.patterns is data.patterns
    assert same.notes == ()


def test_every_third_point_of_a_region() -> None:
    data = counted()
    thin = both(data, wish(scan_region=[1, 9, 2, 11], scan_every=3))
    np.testing.assert_array_equal(thin.patterns, data.patterns[1:9:3, 2:11:3])
    assert thin.scan_step == pytest.approx(3 * data.scan_step)
    assert thin.stated["scan_step"] == data.scan_step
    assert said(thin, "rows 1 to 8")
    assert said(thin, "3 × 3", "1.2 Å")


def test_skipped_rows_keep_their_places_and_count_nowhere() -> None:
    data = counted(electrons_per_unit=1.0)
    spoilt = data.patterns.astype(float)
    spoilt[3:5] = np.nan
    spoilt[:, 10] = 1e9
    chosen = wish(skip_rows="3-4", skip_columns="10", scan_region=[1, 9, 0, 11])
    found = arranged(data.replace(patterns=spoilt), chosen)
    assert found.skipped is not None
    assert found.skipped.sum() == 2 * 11 + 6
    assert found.scan_shape == (8, 11)
    assert said(found, "Skipped: 28 of 88 patterns")
    used = np.delete(data.patterns[:, :10], [0, 3, 4], axis=0)
    np.testing.assert_allclose(found.mean_pattern, used.mean(axis=(0, 1)))
    assert found.survey.highest < 200
    assert np.isfinite(found.survey.each).all()


def test_numbers_of_rows() -> None:
    assert np.flatnonzero(numbered("1-3, 7,9 - 20", 12)).tolist() == [1, 2, 3, 7, 9, 10, 11]
    assert not numbered(None, 4).any()
    with pytest.raises(InputError, match="ranges"):
        wish(skip_rows="all")
    with pytest.raises(InputError, match="leave no pattern"):
        arranged(counted(), wish(skip_rows="0-8"))
    with pytest.raises(InputError, match="leave no pattern"):
        arranged(counted(), wish(skip_rows="0-2", scan_region=[0, 3, 0, 4]))


# --- values ---------------------------------------------------------------------------------------


def test_background_and_response(tmp_path: Path) -> None:
    size, random = 24, np.random.default_rng(2)
    light = random.uniform(20, 100, (*SCAN, size, size))
    dark, gain = random.uniform(5, 6, (size, size)), random.uniform(0.5, 1.5, (size, size))
    gain[3, 4] = 0.0
    np.save(tmp_path / "dark.npy", dark)
    with h5py.File(tmp_path / "camera.h5", "w") as file:
        file["flat/field"] = 7 * gain
    data = dataset(patterns=(light * gain + dark).astype(np.float32))
    chosen = wish(dark=str(tmp_path / "dark.npy"), gain=f"{tmp_path / 'camera.h5'}:flat/field")
    found = both(data, chosen)
    works = gain > 0
    assert found.mask is not None
    np.testing.assert_array_equal(found.mask, works)
    expected = light * gain[works].mean()
    np.testing.assert_allclose(found.patterns[..., works], expected[..., works], rtol=1e-5)
    assert said(found, "background of 5.5", "dark.npy")
    assert said(found, "response of the camera", "1 pixel without a response")


def test_the_background_of_a_part_of_the_scan_that_is_cut_away() -> None:
    data = counted()
    values = data.patterns.astype(np.int32)
    values[:, 9:] = 17
    values[:, :9] += 17
    chosen = wish(dark_region=[0, 9, 9, 11], scan_region=[0, 9, 0, 9])
    found = both(data.replace(patterns=values), chosen)
    np.testing.assert_array_equal(found.patterns, data.patterns[:, :9])
    assert said(found, "background of 17", "[0, 9, 9, 11]")
    with pytest.raises(InputError, match="dark_region"):
        arranged(data, wish(dark_region=[0, 10, 0, 2]))
    with pytest.raises(InputError, match="not both"):
        wish(dark_region=[0, 9, 0, 2], dark="dark.npy")


def test_values_below_zero_become_zero_and_are_counted() -> None:
    data = counted()
    values = data.patterns.astype(np.float32) - 100
    found = both(data.replace(patterns=values), wish(negative="zero", detector_bin=2))
    np.testing.assert_array_equal(found.patterns, np.maximum(binned(values, 2), 0))
    assert said(found, "below zero", "in 99 patterns")
    assert both(data, wish(negative="zero")).notes == ()


# --- pixels ---------------------------------------------------------------------------------------


def shining(size: int = 32) -> Dataset:
    y, x = np.ogrid[:size, :size]
    light = 40.0 * np.clip(8.5 - np.hypot(y - size // 2, x - size // 2), 0, 1) + 1
    return dataset(patterns=np.random.default_rng(3).poisson(light, (12, 12, size, size)).astype(np.uint16))


def test_hot_and_dead_pixels_are_found() -> None:
    data = shining()
    assert arranged(data, wish(bad_pixels="auto")).mask is None
    patterns = data.patterns.copy()
    patterns[..., 3, 5] += 30
    patterns[..., 15, 18] = 0
    found = both(data.replace(patterns=patterns), wish(bad_pixels="auto"))
    assert found.mask is not None
    assert np.argwhere(~found.mask).tolist() == [[3, 5], [15, 18]]
    assert said(found, "1 hot (row 3 column 5) and 1 dead (row 15 column 18)", "144 patterns")
    assert arranged(data.replace(patterns=patterns), wish()).mask is None


def test_masks_of_files(tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile")
    mask = np.ones((24, 24), np.uint8)
    mask[:, 7] = 0
    tifffile.imwrite(tmp_path / "mask.tif", mask)
    found = both(counted(), wish(mask=str(tmp_path / "mask.tif")))
    assert found.mask is not None
    np.testing.assert_array_equal(found.mask, mask > 0)
    own = np.ones((24, 24), bool)
    own[2] = False
    found = both(counted(mask=own), wish(mask=str(tmp_path / "mask.tif")))
    assert found.mask is not None
    np.testing.assert_array_equal(found.mask, own & (mask > 0))  # a dead pixel of the file stays dead
    assert said(found, "leaves 552 of 576 pixels")


# --- crop and bin ---------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [24, 25, 32])
@pytest.mark.parametrize(
    ("crop", "factor"), [(17, 1), (20, 1), (17, 2), (20, 2), (None, 1), (None, 2), (None, 3)]
)
def test_the_zero_angle_stays_where_it_is(size: int, factor: int, crop: int | None) -> None:
    y, x = np.ogrid[:size, :size]
    disk = np.clip((4 - np.hypot(y - size // 2, x - size // 2)) / 2 + 0.5, 0, 1)
    data = dataset(patterns=np.broadcast_to(disk, (2, 3, size, size)))
    # The centre of mass, from the zero angle and with what descan says: nil before and after.
    np.testing.assert_allclose(virtual_images(data).center, 0, atol=1e-9)
    found = both(data, wish(detector_crop=crop, detector_bin=factor))
    images = virtual_images(found)
    # Within a bin nothing is told apart; half a pixel more, or less, would be seen.
    np.testing.assert_allclose(images.center, 0, atol=0.03)
    np.testing.assert_allclose(images.total, disk.sum())
    assert found.detector_sampling == pytest.approx(factor * data.detector_sampling)


def test_bins_add_up_counts_and_do_not_overflow() -> None:
    data = counted()
    found = both(data.replace(patterns=data.patterns * 300), wish(detector_bin=3))
    assert found.patterns.dtype == np.uint32
    blocks = (data.patterns.astype(np.int64) * 300).reshape(*SCAN, 8, 3, 8, 3).sum(axis=(3, 5))
    np.testing.assert_array_equal(found.patterns, blocks)
    assert found.stated["detector_sampling"] == data.detector_sampling
    assert said(found, "3 × 3 detector pixels", "8 of 24 px")
    with pytest.raises(InputError, match="at least 8"):
        arranged(data, wish(detector_bin=4))


def test_a_bin_with_a_masked_pixel_is_masked() -> None:
    mask = np.ones((24, 24), bool)
    mask[5, 7] = False
    found = both(counted(mask=mask), wish(detector_bin=2))
    assert found.mask is not None
    assert np.argwhere(~found.mask).tolist() == [[2, 3]]
    assert said(found, "1 of them hold pixels that are not measured")


def test_all_steps_together_are_done_in_their_order() -> None:
    data = counted(size=40)
    chosen = wish(scan_region=[1, 9, 0, 10], scan_every=2, detector_crop=24, detector_bin=2)
    how = {"orientation": Orientation(True, False, True), "center": (21.0, 18.0)}
    found = both(data, chosen, **how, descan=(0.1, 0.0, 0.0, 0.2))
    by_hand = arranged(data, wish(), **how).patterns[1:9:2, 0:10:2, 8:32, 8:32]
    np.testing.assert_array_equal(found.patterns, binned(by_hand, 2))
    assert found.descan is not None
    # Two points of the scan to a step, and two pixels to a bin.
    np.testing.assert_allclose(found.descan[1:], [[0.1, 0.0], [0.0, 0.2]])
    assert [note.split()[0] for note in found.notes] == ["Scan", "One", "The", "The", "The", "2"]


# --- detectors that are not square ----------------------------------------------------------------


def test_a_detector_that_is_not_square_is_cropped_or_continued(tmp_path: Path) -> None:
    values: NDArray[np.uint16] = np.random.default_rng(1).integers(1, 9, (3, 4, 12, 20), dtype=np.uint16)
    numbers = {"energy": 6e4, "semiangle": 20.0, "scan_step": 0.4, "detector_sampling": 0.1}
    path = tmp_path / "wide.npy"
    np.save(path, values)
    cropped = load(path, numbers=numbers)
    np.testing.assert_array_equal(np.asarray(cropped.patterns[...]), values[..., 4:16])
    assert said(cropped, "12×20", "central 12×12")
    whole = load(path, numbers=numbers, layout=Layout(square="pad"))
    assert whole.patterns.shape == (3, 4, 20, 20)
    assert whole.mask is not None
    assert np.flatnonzero(whole.mask.all(axis=1)).tolist() == list(range(4, 16))
    np.testing.assert_array_equal(np.asarray(whole.patterns[...])[..., 4:16, :], values)
    assert not np.asarray(whole.patterns[...])[..., ~whole.mask].any()
    # The zero angle is the same pixel.
    assert whole.patterns[0, 0][10, 10] == values[0, 0, 6, 10]
    np.save(tmp_path / "mask.npy", np.arange(240).reshape(12, 20) > 20)
    both_masks = arranged(whole, wish(mask=str(tmp_path / "mask.npy")))
    assert both_masks.mask is not None
    assert both_masks.mask.sum() == 240 - 21
