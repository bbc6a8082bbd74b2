"""Which of several arrays of a file holds the patterns."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from napari_mixedptycho.errors import InputError

PREFERRED = ("data", "datacube", "cbed", "dp", "4DSTEM")
"""Names that patterns go by in other programs; the first that is there is taken."""
_EDGE = 8
"""Patterns have at least so many pixels on an edge."""
_LISTED = 8


class SeveralDatasetsError(InputError):
    """A file holds several arrays that may be the patterns.

    Attributes
    ----------
    shapes
        Name → shape of each of them.
    """

    def __init__(self, text: str, shapes: Mapping[str, tuple[int, ...]]) -> None:
        super().__init__(text)
        self.shapes = dict(shapes)


def choose(path: Path, shapes: Mapping[str, tuple[int, ...]], key: str | None = None) -> str:
    """Return the name of the array to read.

    Parameters
    ----------
    path
        The file, for errors.
    shapes
        Name → shape of every array of numbers in the file.
    key
        The name that was asked for; None: the only array of four axes, else the only one of three.

    Raises
    ------
    SeveralDatasetsError
        When there are several and none of a usual name.
    InputError
        When there is none.
    """
    large = {name: shape for name, shape in shapes.items() if len(shape) >= 3}
    if key is not None:
        return _named(path, shapes, large, key)
    for axes in (4, 3):
        fitting = [name for name, shape in large.items() if len(shape) == axes]
        if axes == 3:
            fitting = [name for name in fitting if _could_be_stack(large[name])]
        preferred = _preferred(fitting)
        if len(fitting) == 1 or preferred:
            return preferred or fitting[0]
        if fitting:
            shown = {name: large[name] for name in fitting}
            raise SeveralDatasetsError(
                f"{path}: there are several data sets; set data.dataset to one of: {_list(shown)}.", shown
            )
    raise InputError(
        f"{path}: there is no dataset of four axes (scan_y, scan_x, ky, kx) or of three (pattern, ky, kx); "
        f"datasets of three or more axes: {_list(large)}."
    )


def _named(
    path: Path, shapes: Mapping[str, tuple[int, ...]], large: Mapping[str, tuple[int, ...]], key: str
) -> str:
    name = key.strip("/")
    if name not in shapes:
        raise InputError(
            f"{path}: there is no dataset '{key}'; datasets of three or more axes: {_list(large)}."
        )
    if len(shapes[name]) not in (3, 4):
        raise InputError(
            f"{path}: the dataset '{name}' has shape {shapes[name]}; four axes (scan_y, scan_x, ky, kx), or "
            "three (pattern, ky, kx), are needed."
        )
    return name


def _preferred(names: list[str]) -> str | None:
    """Return the one at the top level, or else the only one anywhere, of the first usual name."""
    for wanted in PREFERRED:
        if wanted in names:
            return wanted
    for wanted in PREFERRED:
        inner = [name for name in names if name.rpartition("/")[2] == wanted]
        if len(inner) == 1:
            return inner[0]
    return None


def _could_be_stack(shape: tuple[int, ...]) -> bool:
    return sum(length >= _EDGE for length in shape) >= 2


def _list(shapes: Mapping[str, tuple[int, ...]]) -> str:
    shown = [f"{name} {shape}" for name, shape in list(shapes.items())[:_LISTED]]
    more = len(shapes) - len(shown)
    return ", ".join([*shown, *([f"and {more} more"] if more else [])]) or "none"
