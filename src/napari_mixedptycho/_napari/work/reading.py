"""All of opening a scan that takes time: reading it, and a first look at it. No widget is touched here."""

from __future__ import annotations

from dataclasses import dataclass

from napari_mixedptycho._napari.hurried import Hurried
from napari_mixedptycho._napari.missing import IncompleteError, completed
from napari_mixedptycho._napari.virtual import FIRST, Scan
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.imaging import Images, look
from napari_mixedptycho.io import data_path, load
from napari_mixedptycho.recipe import Data, Microscope, Recipe

_SMALL = 2**23
"""Bytes of a file that is read in place, sooner than a thread would tell of it."""
_WHOLE = (".h5", ".hdf5", ".npy")
"""Kinds of file that hold their patterns; others may be the short header of a long file."""


@dataclass(frozen=True)
class Looked:
    """A scan, and what little of it tells at once.

    Attributes
    ----------
    scan
        The scan.
    images
        The first look.
    late
        Whether some patterns were not read in time.
    """

    scan: Scan
    images: Images
    late: bool

    @classmethod
    def of(cls, scan: Scan) -> Looked:
        """Look, for a limited time."""
        hurried = Hurried(scan.patterns)
        *_, last = look(hurried, scan.frame, budget=FIRST)
        return cls(scan, last, hurried.late)


@dataclass(frozen=True)
class Opened:
    """What was read of a file.

    Attributes
    ----------
    file
        Its path or the name of a sample.
    recipe
        The settings with which its patterns are looked at.
    measured
        Numbers that nobody states, measured.
    dataset
        The data set; None: the file does not say all that is needed.
    looked
        A first look, where one is possible.
    asked
        What is to be asked.
    """

    file: str
    recipe: Recipe
    measured: dict[str, float]
    dataset: Dataset | None = None
    looked: Looked | None = None
    asked: IncompleteError | None = None


def is_quick(file: str) -> bool:
    """Tell whether a file is read in less time than a person notices; raises `InputError` without one."""
    path = data_path(file)
    return path.suffix.lower() in _WHOLE and path.is_file() and path.stat().st_size <= _SMALL


def read(file: str, data: Data, microscope: Microscope) -> Opened:
    """Read a scan; may be called in a thread of its own.

    Parameters
    ----------
    file
        Path, or ``sample:NAME``.
    data, microscope
        How it is laid out, and what it does not say.

    Raises
    ------
    InputError
        When it cannot be read.
    """
    data = data.model_copy(update={"file": file})
    try:
        numbers = completed(file, data, microscope)
    except IncompleteError as asked:
        contents = asked.contents
        seen = contents is not None and not asked.missing.patterns
        looked = Looked.of(Scan.of_contents(contents)) if contents is not None and seen else None
        return Opened(file, Recipe(data=data, microscope=microscope), {}, looked=looked, asked=asked)
    measured = {name: value for name, value in numbers.items() if getattr(microscope, name) is None}
    dataset = load(file, data.dataset, numbers, data)
    sources = {**dataset.sources, **dict.fromkeys(measured, "measured")}
    recipe = Recipe(data=data, microscope=microscope.model_copy(update=measured))
    return seen_by(dataset.replace(sources=sources), file, recipe, measured)


def seen_by(dataset: Dataset, file: str, recipe: Recipe, measured: dict[str, float]) -> Opened:
    """Look at a data set as a recipe has it; as it is stored, where that does not fit it."""
    try:
        scan = Scan.of(dataset, recipe)
    except InputError:
        recipe = Recipe()
        scan = Scan.of(dataset, recipe)
    return Opened(file, recipe, measured, dataset, Looked.of(scan))
