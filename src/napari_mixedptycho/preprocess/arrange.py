"""From patterns as they are stored to those that are wanted: every step, in the order of the settings."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_mixedptycho.data_settings import Preprocess
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io import load_image
from napari_mixedptycho.orientation import Orientation
from napari_mixedptycho.preprocess.change import in_memory
from napari_mixedptycho.preprocess.detector import bin_pixels, crop_pixels, set_right, with_descan
from napari_mixedptycho.preprocess.pixels import fitting, response, without_bad, without_masked
from napari_mixedptycho.preprocess.scan import cut_scan, skip_points, thin_scan
from napari_mixedptycho.preprocess.values import divide, mean_of, not_negative, responds, subtract
from napari_mixedptycho.stored import Stored
from napari_mixedptycho.words import counted

Center = tuple[float, float] | None
Descan = tuple[float, float, float, float] | None


def arranged(
    dataset: Dataset,
    wish: Preprocess,
    orientation: Orientation | None = None,
    center: Center = None,
    descan: Descan = None,
) -> Dataset:
    """Return a data set whose patterns are preprocessed; what changed them is told in `Dataset.notes`.

    Patterns that are `Stored` stay in their file and are changed when they are read; others come into
    memory, some rows at a time, so that no more is held than what is left of them.

    Parameters
    ----------
    dataset
        As opened.
    wish
        What to do.
    orientation, center, descan
        How the detector lies, where its zero angle is (row, column), px, and how that wanders (settings
        of the recipe's section `data`).

    Raises
    ------
    InputError
        When a setting does not fit the data.
    """
    own, found = dataset.patterns, _unread(dataset)
    whole = found.scan_shape
    # A background is measured on the whole scan, in a part that is perhaps cut away.
    dark = None if wish.dark_region is None else mean_of(found, wish.dark_region)
    found = _scan(found, wish)
    found = _values(found, wish, dark)
    if wish.bad_pixels == "auto":
        found = without_bad(found)
    found = _turned(found, orientation or Orientation(), center)
    found = with_descan(found, descan, whole, wish.scan_region, wish.scan_every)
    found = _detector(found, wish)
    if isinstance(found.patterns, Stored) and not isinstance(own, Stored):
        if found.patterns == Stored.of(own):
            return found.replace(patterns=own)
        return found.replace(patterns=in_memory(found.patterns))
    return found


def _unread(dataset: Dataset) -> Dataset:
    """Return the data set with patterns that are not in memory left where they are."""
    patterns = dataset.patterns
    if "values" in vars(dataset):
        return dataset.replace(patterns=dataset.values)
    if isinstance(patterns, Stored) or (isinstance(patterns, np.ndarray) and not _mapped(patterns)):
        return dataset
    return dataset.replace(patterns=Stored.of(patterns))


def _mapped(patterns: Any) -> bool:
    return isinstance(patterns, np.memmap)


def _scan(dataset: Dataset, wish: Preprocess) -> Dataset:
    """Choose the scan points."""
    whole, step = dataset.scan_shape, dataset.scan_step
    found = skip_points(dataset, wish.skip_rows, wish.skip_columns)
    if wish.scan_region is not None:
        found = cut_scan(found, wish.scan_region)
        top, bottom, left, right = wish.scan_region
        if found.scan_shape != whole:
            found = found.told(
                f"Scan rows {top} to {bottom - 1} and columns {left} to {right - 1} of {whole[0]} × "
                f"{whole[1]} are used."
            )
    if wish.scan_every > 1:
        before = found.scan_shape
        found = thin_scan(found, wish.scan_every)
        found = found.told(
            f"One scan point of {wish.scan_every} × {wish.scan_every} is taken: "
            f"{found.scan_shape[0]} × {found.scan_shape[1]} of {before[0]} × {before[1]}; the step grows "
            f"from {step:.4g} to {found.scan_step:.4g} Å."
        )
    if found.skipped is None:
        return found
    if found.skipped.all():
        raise InputError(f"{found.name}: data.skip_rows and data.skip_columns leave no pattern.")
    return found.told(f"Skipped: {int(found.skipped.sum())} of {found.skipped.size} patterns.")


def _values(dataset: Dataset, wish: Preprocess, dark: Any) -> Dataset:
    """Subtract the background, divide by the response, and take the masks."""
    found = dataset
    if wish.dark is not None:
        dark = fitting(load_image(wish.dark, "dark image"), found, "data.dark")
    if dark is not None:
        found = subtract(found, dark)
        where = wish.dark or f"mean over the scan region {list(wish.dark_region or ())}"
        found = found.told(f"A background of {dark.mean():.4g} per pixel is subtracted ({where}).")
    if wish.gain is not None:
        image = response(found, wish.gain)
        found, relative = divide(found, image)
        lost = int((~responds(image)).sum())
        found = found.told(
            f"Patterns are divided by the response of the camera, {relative.min():.3g} to "
            f"{relative.max():.3g} of its mean ({wish.gain})"
            + (f"; as not measured count {counted(lost, 'pixel')} without a response." if lost else ".")
        )
    return without_masked(found, wish)


def _turned(dataset: Dataset, orientation: Orientation, center: Center) -> Dataset:
    """Set the detector right."""
    found = set_right(dataset, orientation, center)
    said = [
        words
        for words, there in (
            ("transposed", orientation.transpose),
            ("turned along ky", orientation.flip_y),
            ("turned along kx", orientation.flip_x),
        )
        if there
    ]
    if said:
        found = found.told(f"The detector is {' and '.join(said)}.")
    if center is not None and found is not dataset:
        middle = dataset.detector_size // 2
        found = found.told(
            f"The zero angle is moved from row {center[0]:.4g}, column {center[1]:.4g} to {middle}, {middle} "
            "of the detector; what is left of a pixel goes into the model."
        )
    return found


def _detector(dataset: Dataset, wish: Preprocess) -> Dataset:
    """Crop, bin, and see to values below zero."""
    found, size = dataset, dataset.detector_size
    if wish.detector_crop is not None and wish.detector_crop < size:
        found = crop_pixels(found, wish.detector_crop)
        found = found.told(
            f"The detector is cropped from {size} to {found.detector_size} px, up to "
            f"{found.max_angle:.4g} mrad."
        )
    if wish.detector_bin > 1:
        before = found.detector_size
        found = bin_pixels(found, wish.detector_bin)
        lost = 0 if found.mask is None else int((~found.mask).sum())
        found = found.told(
            f"{wish.detector_bin} × {wish.detector_bin} detector pixels are added up: {found.detector_size} "
            f"of {before} px, each {found.detector_sampling:.4g} 1/Å"
            + (f"; {lost} of them hold pixels that are not measured, and are left out." if lost else ".")
        )
    if wish.negative == "zero":
        found, text = not_negative(found)
        found = found if text is None else found.told(text)
    return found
