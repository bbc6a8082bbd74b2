"""What a data file holds, complete or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.dataset import Truth
from napari_mixedptycho.io.units import Sampling
from napari_mixedptycho.optics import wavelength

REQUIRED = ("energy", "semiangle", "scan_step", "detector_sampling")
"""Fields without which nothing can be reconstructed."""


@dataclass(frozen=True)
class Found:
    """What the reader of a format returns: arrays and numbers, before anything typed in is heeded.

    Attributes
    ----------
    stack
        Four axes (scan_y, scan_x, ky, kx), or three (pattern, ky, kx) when the file does not say the scan's
        shape; an array, or something that can be sliced like one and reads no more than what is asked for.
    format
        What to call the format on screen.
    key
        Path of the dataset inside the file.
    numbers
        Field of `Dataset` → value, for the numbers that the file states.
    detector
        Detector sampling; an angle becomes a number of `Dataset` once the energy is known.
    scan_shape
        Of a stack of three axes: rows and columns that the file or its times tell.
    truth
        The known specimen of simulated data.
    mask
        (ky, kx), True where a pixel is measured; None: all are.
    counts
        Whole numbers are electrons; False for a camera whose units are not.
    notes
        What the user should know, each a sentence.
    descan, skipped
        As in `Dataset`, of a file that was preprocessed.
    """

    stack: Any
    format: str
    key: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)
    detector: Sampling = field(default_factory=Sampling)
    scan_shape: tuple[int, int] | None = None
    truth: Truth | None = None
    mask: NDArray[np.bool_] | None = None
    counts: bool = True
    notes: tuple[str, ...] = ()
    descan: NDArray[np.float64] | None = None
    skipped: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class Contents:
    """What a data file holds, complete or not.

    Attributes
    ----------
    path, key
        The file, and the path of the dataset inside it.
    patterns
        (scan_y, scan_x, ky, kx), unread, in native dtype; it keeps the file open as long as it lives. Three
        axes (pattern, ky, kx) when the shape of the scan is not known.
    numbers
        Field of `Dataset` → value, for the numbers that the file states.
    truth
        The known specimen of simulated data.
    format
        What the format is called.
    detector_angle
        Detector sampling, mrad per pixel, when the file states it so.
    mask
        (ky, kx), True where the file says that a pixel is measured; None: all are.
    scan_shapes
        Likely shapes of a scan that is not known, the likeliest first.
    notes
        What the user should know, each a sentence.
    descan, skipped
        As in `Dataset`, of a file that was preprocessed.
    number_type
        To be written in; None: as stored.
    """

    path: Path
    key: str
    patterns: Any
    numbers: Mapping[str, float]
    truth: Truth | None = None
    format: str = "HDF5"
    detector_angle: float | None = None
    mask: NDArray[np.bool_] | None = None
    scan_shapes: tuple[tuple[int, int], ...] = ()
    notes: tuple[str, ...] = ()
    descan: NDArray[np.float64] | None = None
    skipped: NDArray[np.bool_] | None = None
    number_type: np.dtype[Any] | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        """Required numbers that the file does not state."""
        return tuple(field for field in REQUIRED if field not in self.numbers)

    @property
    def scan_known(self) -> bool:
        """Whether the shape of the scan is known."""
        return len(self.patterns.shape) == 4

    def with_energy(self, energy: float) -> dict[str, float]:
        """Return the numbers, the detector sampling also from an angle, at an energy in eV."""
        numbers = dict(self.numbers)
        if self.detector_angle is not None and "detector_sampling" not in numbers:
            numbers["detector_sampling"] = self.detector_angle * 1e-3 / wavelength(energy)
        return numbers
