"""What a file does not say of itself, and what could be meant: asked in the page, never in a dialog."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from napari_mixedptycho._napari.virtual import Scan
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io import RAW, Contents, SeveralDatasetsError, data_path, read_contents
from napari_mixedptycho.optics import wavelength
from napari_mixedptycho.recipe import Data, Microscope

ASKED = ("energy", "semiangle", "scan_step")
"""Numbers that nothing but the microscopist knows; the detector's sampling can be measured."""


@dataclass(frozen=True)
class Missing:
    """What is to be asked.

    Attributes
    ----------
    file
        Of which file.
    datasets
        Name → shape of the arrays that may be the patterns.
    raw
        A raw binary file: size of a pattern and kind of number are not known.
    scan_shapes
        Likely shapes of the scan, the likeliest first.
    patterns
        How many patterns there are, when their scan is not known.
    numbers
        Numbers of the microscope.
    notes
        What the file's reader noticed.
    """

    file: str
    datasets: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    raw: bool = False
    scan_shapes: tuple[tuple[int, int], ...] = ()
    patterns: int = 0
    numbers: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def what(self) -> str:
        """What is missing, in words."""
        parts = []
        if self.datasets:
            parts.append("which of its data sets are the patterns")
        if self.raw:
            parts.append("the size of a pattern and its kind of number")
        if self.patterns:
            parts.append("rows and columns of the scan (scan_shape)")
        return ", ".join([*parts, *self.numbers])


class IncompleteError(InputError):
    """A file does not say all that is needed."""

    def __init__(self, missing: Missing, contents: Contents | None) -> None:
        super().__init__(f"{missing.file}: the file does not say {missing.what}; step 1 asks for it.")
        self.missing, self.contents = missing, contents


def completed(file: str, data: Data, microscope: Microscope) -> dict[str, float]:
    """Return the numbers to open a file with; a sampling that nobody states is measured on the bright disk.

    Raises
    ------
    IncompleteError
        When something must be asked.
    InputError
        When the file is missing or damaged.
    """
    given = microscope.model_dump(exclude_none=True)
    path = data_path(file)
    if (path.suffix.lower() in RAW and path.suffix.lower() != ".raw") or path.suffix.lower() == ".raw":
        _check_raw(file, path, data)
    try:
        contents = read_contents(path, data.dataset, data)
    except SeveralDatasetsError as error:
        raise IncompleteError(Missing(file, datasets=error.shapes), None) from None
    numbers = tuple(name for name in ASKED if name not in given and name not in contents.numbers)
    if not contents.scan_known:
        count = int(contents.patterns.shape[0])
        asked = Missing(file, scan_shapes=contents.scan_shapes, patterns=count, numbers=numbers)
        raise IncompleteError(asked, contents)
    if numbers:
        raise IncompleteError(Missing(file, numbers=numbers, notes=contents.notes), contents)
    return {**given, **_measured_sampling(contents, given)}


def _measured_sampling(contents: Contents, given: Mapping[str, float]) -> dict[str, float]:
    """Return the detector's sampling, 1/Å per px, from the disk, unless it is stated."""
    energy = given.get("energy", contents.numbers.get("energy", 0.0))
    stated = contents.with_energy(energy)
    if "detector_sampling" in given or "detector_sampling" in stated:
        return {}
    semiangle = given.get("semiangle", stated.get("semiangle", 0.0))
    radius = Scan.of_contents(contents).frame.radius
    return {"detector_sampling": semiangle * 1e-3 / wavelength(energy) / radius}


def _check_raw(file: str, path: Path, data: Data) -> None:
    """Ask how a raw file is laid out, when neither that is set nor its size tells."""
    if data.detector_shape is not None and data.number_type is not None:
        return
    try:
        read_contents(path, None, data)
    except InputError:
        raise IncompleteError(Missing(file, raw=True), None) from None
