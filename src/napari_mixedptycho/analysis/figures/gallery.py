"""Figures of several results beside each other, and all figures into a folder."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path

from matplotlib.figure import Figure

from napari_mixedptycho.analysis.ensemble import ensemble
from napari_mixedptycho.analysis.figures.album import Plate, Subject, album, rings
from napari_mixedptycho.analysis.figures.comparison import comparison as beside
from napari_mixedptycho.analysis.figures.ensemble import ensemble as drawn
from napari_mixedptycho.analysis.figures.runs import losses, spectra
from napari_mixedptycho.analysis.figures.style import Frame, save
from napari_mixedptycho.analysis.motion import ColumnMotion
from napari_mixedptycho.analysis.pair import differing, pair
from napari_mixedptycho.analysis.truth import Comparison
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.result import Result


def joint_album(results: Mapping[str, Result]) -> list[Plate]:
    """Return the figures of several results beside each other; of one there are none.

    Parameters
    ----------
    results
        Name → result. Each is compared with the first; they must be of the same place for that.
    """
    if len(results) < 2:
        return []
    phases = {name: (one.mean_phase(), Frame.of(one)) for name, one in results.items()}
    (first, reference), *others = results.items()
    labelled = zip(_with_loss(results), results.values(), strict=True)
    histories = {name: one.history for name, one in labelled if len(one.history)}
    plates = []
    if histories:
        text = "Loss of the runs against the iteration; dots: where a stage begins."
        plates.append(Plate("losses", text, partial(losses, histories)))
    text = "Power spectra of the mean phases, averaged over directions."
    plates.append(Plate("spectra", text, partial(spectra, phases, rings(reference))))
    if _repeats(list(results.values())):
        text = "Motion of each column run by run, and how far its sd is open with so many states."
        plates.append(Plate("ensemble", text, partial(_together, list(results.values()))))
    return plates + [
        Plate(
            f"compare_{first}_{name}".replace(" ", "_").replace("/", "_"),
            f"Mean phases of {first} and {name}, their difference without common shift and ramp, "
            "Fourier ring correlation and power spectra.",
            partial(_pair, (first, reference), (name, other)),
        )
        for name, other in others
    ]


def _with_loss(results: Mapping[str, Result]) -> list[str]:
    """Return the names, with the kind of the last loss where the kinds differ: those cannot be compared."""
    kinds = [one.recipe.stages[-1].loss.kind for one in results.values()]
    if len(set(kinds)) == 1:
        return list(results)
    return [f"{name} ({kind})" for name, kind in zip(results, kinds, strict=True)]


def _repeats(results: Sequence[Result]) -> bool:
    """Tell whether results are of one recipe but for the seed, and show motion."""
    first, *others = results
    apart = {name for other in others for name in differing(first.recipe, other.recipe)}
    return apart <= {"run.seed"} and all(one.estimate.states > 1 for one in results)


def _together(results: Sequence[Result]) -> Figure:
    return drawn(ensemble(results))


def _pair(one: tuple[str, Result], other: tuple[str, Result]) -> Figure:
    return beside(pair(one[1], other[1]), (one[0], other[0]))


def chosen(plates: Sequence[Plate], only: Collection[str]) -> list[Plate]:
    """Return the plates of some names; all of them when none is named.

    Raises
    ------
    InputError
        When there is no plate of a name.
    """
    known = list(dict.fromkeys(plate.name for plate in plates))
    for name in only:
        if name not in known:
            raise InputError(f"There is no figure '{name}' of this; there are: {', '.join(known)}.")
    return [plate for plate in plates if not only or plate.name in only]


def write_album(
    plates: Sequence[Plate], folder: str | os.PathLike[str], suffixes: Sequence[str] = (".png",)
) -> list[Path]:
    """Draw plates into a folder, which is made when missing; return the files."""
    files = []
    for plate in plates:
        figure = plate.draw()
        files += [save(figure, Path(folder) / f"{plate.name}{suffix}") for suffix in suffixes]
    return files


def write_figures(
    result: Result,
    folder: str | os.PathLike[str],
    motion: ColumnMotion | None = None,
    comparison: Comparison | None = None,
    suffix: str = ".png",
) -> list[Path]:
    """Write all figures of one result into a folder.

    Parameters
    ----------
    result
        What to draw.
    folder
        Where; made when missing.
    motion
        Its columns; without any, or when none were found, the figures of the motion are left out.
    comparison
        With the truth.
    suffix
        ``.png``, ``.svg`` or ``.pdf``.

    Returns
    -------
    The files written.
    """
    return write_album(album(Subject(result, motion, comparison)), folder, (suffix,))
