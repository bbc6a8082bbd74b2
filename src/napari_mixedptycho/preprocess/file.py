"""What a data file comes to be when it is written anew, preprocessed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np

from napari_mixedptycho.data_settings import Preprocess
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.io import Contents, squared
from napari_mixedptycho.io.contents import REQUIRED
from napari_mixedptycho.io.layout import Layout
from napari_mixedptycho.orientation import Orientation
from napari_mixedptycho.preprocess.arrange import Center, Descan, arranged
from napari_mixedptycho.stored import Stored


def preprocessed(
    contents: Contents,
    wish: Preprocess,
    orientation: Orientation | None = None,
    center: Center = None,
    descan: Descan = None,
    square: Literal["crop", "pad"] = "crop",
) -> Contents:
    """Return the contents of a file with its patterns changed when they are read; nothing is held.

    Parameters
    ----------
    contents
        Of a file whose scan is known; numbers may be missing.
    wish, orientation, center, descan
        As for `arranged`.
    square
        What becomes of a detector that is not square (`Layout.square`).

    Returns
    -------
    Contents
        Numbers are those after the changes; what was changed is told in the notes. Pixels that are not
        measured read as zero.

    Raises
    ------
    InputError
        When a setting does not fit the data.
    """
    patterns, mask = squared(contents, Layout(square=square))
    numbers: dict[str, Any] = {**dict.fromkeys(REQUIRED, 1.0), "energy": 1e5, **contents.numbers}
    dataset = Dataset(
        patterns=Stored.of(patterns),
        name=contents.path.stem,
        mask=mask,
        truth=contents.truth,
        descan=contents.descan,
        skipped=contents.skipped,
        **numbers,
    )
    found = arranged(dataset, wish, orientation, center, descan)
    known = {name: float(getattr(found, name)) for name in contents.numbers}
    angle = contents.detector_angle
    return replace(
        contents,
        patterns=found.patterns if found.mask is None else found.patterns.masked(found.mask),
        numbers=known,
        detector_angle=None if angle is None else angle * found.detector_sampling / dataset.detector_sampling,
        mask=found.mask,
        truth=found.truth,
        descan=found.descan,
        skipped=None if found.skipped is None else np.asarray(found.skipped),
        notes=(*contents.notes, *_believable(found.notes, contents)),
    )


def _believable(notes: tuple[str, ...], contents: Contents) -> list[str]:
    """Return the notes without numbers of the microscope, which the file does not tell."""
    found = []
    for note in notes:
        if "scan_step" not in contents.numbers:
            note = note.partition("; the step grows")[0].rstrip(".") + "."
        if not {"energy", "detector_sampling"} <= set(contents.numbers):
            note = note.partition(", up to")[0].rstrip(".") + "." if "cropped" in note else note
        if "detector_sampling" not in contents.numbers and "are added up" in note:
            head, _, tail = note.partition(", each")
            note = head + tail[tail.index("; ") :] if "; " in tail else head + "."
        found.append(note)
    return found
