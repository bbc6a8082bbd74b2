"""The chart of the column motion: where the centre of every column lies in every state."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Ellipse
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from napari_mixedptycho.analysis.figures.images import grid_shape
from napari_mixedptycho.analysis.figures.style import (
    MEAN_ON_DARK,
    MEASURED,
    ON_DARK,
    SMALL,
    TRUE,
    TWO_COLUMNS,
    Floats,
    Frame,
    numbers_of,
    show,
    styled,
)
from napari_mixedptycho.analysis.motion import ColumnMotion
from napari_mixedptycho.analysis.truth import Comparison
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.words import counted

_MOST = 64  # small panels; the overview shows all columns
_PICOMETRES = 100.0  # per Å
_UNBOUNDED = 1e6  # pm


def columns(
    motion: ColumnMotion,
    phase: ArrayLike,
    frame: Frame,
    comparison: Comparison | None = None,
    magnification: float = 10.0,
    title: str | None = None,
) -> Figure:
    """Draw the motion of the columns: overview, spread of each, and one panel per column.

    Parameters
    ----------
    motion
        The measured columns.
    phase
        Mean projected phase (y, x), rad: the ground of the overview.
    frame
        Where its pixels lie.
    comparison
        With the truth, which is then drawn in blue, shifted by the common translation.
    magnification
        Of the displacements from the mean in the overview; distances between columns are not magnified.
    title
        Above it all.

    Raises
    ------
    InputError
        When there is no column.
    """
    if not motion.n_columns:
        raise InputError("There are no columns to draw; lower the threshold or check the phase.")
    count = min(motion.n_columns, _MOST)
    across = 8 if count > 12 else grid_shape(count, 0.7)[1]
    rows = -(-count // across)
    panel = 6.5 / max(across, 5)
    with styled():
        figure = Figure(
            figsize=(TWO_COLUMNS, 3.5 + panel * rows + 0.5),
            layout=ConstrainedLayoutEngine(w_pad=0.03, h_pad=0.03, wspace=0.02, hspace=0.02),
        )
        halves: np.ndarray = np.asarray(figure.subfigures(2, 1, height_ratios=[3.5, panel * rows + 0.5]))
        top, bottom = halves
        overview, spread = top.subplots(1, 2, width_ratios=[1.0, 1.05])
        _overview(overview, motion, np.asarray(phase, dtype=np.float64), frame, comparison, magnification)
        _spread(spread, motion, comparison)
        _panels(bottom, motion, comparison, (rows, across))
        figure.suptitle(title or _headline(motion, comparison), fontsize=9)
    return figure


def _headline(motion: ColumnMotion, comparison: Comparison | None) -> str:
    text = f"{counted(motion.n_columns, 'column')} in {counted(motion.n_states, 'state')}"
    if comparison is None:
        return f"{text}: rms sd {_pm(motion.sd_y)} (y), {_pm(motion.sd_x)} (x)"
    rendered = comparison.rendered
    text += f", {comparison.n_columns} matched with the truth; rms sd {_pm(comparison.sd_y)} (y), "
    text += f"{_pm(comparison.sd_x)} (x)\n"
    if rendered.stationary:
        text += "the truth stands still, so that all of it is error"
    else:
        text += f"true {_pm(rendered.true_sd_y)} (y), {_pm(rendered.true_sd_x)} (x)"
    if rendered.sd_ratio is not None:
        text += f"; measured / true {rendered.sd_ratio:.2f}"
    if rendered.sd_correlation is not None:
        text += f"; correlation {rendered.sd_correlation:.2f}"
    return f"{text}; mean positions off by {_pm(rendered.mean_position_error)}"


def _pm(length: float) -> str:
    return f"{length * _PICOMETRES:.1f} pm"


def _overview(
    axes: Axes,
    motion: ColumnMotion,
    phase: Floats,
    frame: Frame,
    comparison: Comparison | None,
    magnification: float,
) -> None:
    shown = show(axes, phase, frame, 0.6, "gray")
    low, high = shown.get_clim()
    shown.set_clim(low, low + 1.6 * (high - low))  # a darker ground for the marks
    cloud = (motion.mean + magnification * (motion.positions - motion.mean)).reshape(-1, 2)
    axes.plot(cloud[:, 1], cloud[:, 0], "o", ms=2.2, mfc=MEASURED, mec="white", mew=0.25)
    if comparison is not None:
        rendered = comparison.rendered
        covariances = _covariances(comparison.true_positions)
        for centre, covariance in zip(rendered.true_mean + rendered.translation, covariances, strict=True):
            _ellipse(axes, centre, covariance * magnification**2, ON_DARK)
    bars = magnification * motion.sd
    axes.errorbar(
        motion.mean[:, 1],
        motion.mean[:, 0],
        xerr=bars[:, 1],
        yerr=bars[:, 0],
        fmt="none",
        ecolor=MEAN_ON_DARK,
        elinewidth=0.9,
    )
    for number, (y, x) in zip(numbers_of(motion), motion.mean, strict=True):
        axes.annotate(
            number, (x, y), xytext=(7, 5), textcoords="offset points", color="white", fontsize=SMALL
        )
    moves = comparison is not None and not comparison.rendered.stationary
    note = "; blue: true 1σ" if moves else ""
    axes.set(
        xlabel="x (Å)",
        ylabel="y (Å)",
        title=f"Centres of mass per state, moves ×{magnification:g}\nyellow: mean ± sd{note}",
    )


def _spread(axes: Axes, motion: ColumnMotion, comparison: Comparison | None) -> None:
    number = np.arange(motion.n_columns)
    for axis, (name, marker, step) in enumerate((("y", "o", -0.18), ("x", "s", 0.18))):
        sd = motion.sd[:, axis] * _PICOMETRES
        ends = motion.sd_interval[:, axis] * _PICOMETRES
        bars = np.stack([sd - ends[:, 0], ends[:, 1] - sd])
        # An interval without end goes to the top of the chart, not to nothing; it may leave the sd out.
        bars = np.maximum(np.nan_to_num(bars, nan=0.0, posinf=_UNBOUNDED), 0.0)
        face = MEASURED if name == "y" else "white"
        axes.errorbar(
            number + step,
            sd,
            yerr=bars,
            fmt=marker,
            ms=3.2,
            mfc=face,
            mec=MEASURED,
            ecolor=MEASURED,
            elinewidth=0.6,
            mew=0.8,
            label=f"sd {name}" + (f", {100 * motion.confidence:g} % interval" if axis == 0 else ""),
        )
        if comparison is not None:
            axes.plot(
                comparison.found + step,
                comparison.rendered.true_sd[:, axis] * _PICOMETRES,
                "_",
                ms=7,
                mew=1.6,
                color=TRUE,
                label="true, same centroid" if axis == 0 else None,
            )
    axes.set(xlabel="Column", ylabel="Standard deviation over the states (pm)")
    axes.set_title("Spread of each column", pad=20)  # the legend stands between title and chart
    highest = [0.01, *motion.sd.ravel()] + (
        [] if comparison is None else [*comparison.rendered.true_sd.ravel()]
    )
    ends = motion.sd_interval[np.isfinite(motion.sd_interval)]
    axes.set_ylim(0, 1.2 * _PICOMETRES * max(*highest, min(ends.max(initial=0.0), 3.5 * max(highest))))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y", color="0.9", lw=0.4)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        ncols=3,
        columnspacing=1.0,
        handletextpad=0.3,
        borderpad=0.1,
    )


def _panels(
    figure: SubFigure, motion: ColumnMotion, comparison: Comparison | None, shape: tuple[int, int]
) -> None:
    panels = figure.subplots(*shape, squeeze=False, sharex=True, sharey=True)
    names = numbers_of(motion)
    count = min(motion.n_columns, panels.size)
    centre = motion.mean.copy()
    true: dict[int, Floats] = {}
    if comparison is not None:
        shifted = comparison.true_positions + comparison.rendered.translation
        centre[comparison.found] = shifted.mean(axis=0)
        true = dict(zip(comparison.found.tolist(), np.moveaxis(shifted, 1, 0), strict=True))
    moves = (motion.positions - centre)[:, :count] * _PICOMETRES
    cloud = [np.abs(moves), *(np.abs(true[index] - centre[index]) * _PICOMETRES for index in true)]
    reach = max(
        1.1 * max(float(part.max()) for part in cloud), 2.6 * _PICOMETRES * float(motion.sd.max()), 4.0
    )
    tick = _nice(0.7 * reach)
    for index, axes in enumerate(panels.ravel()):
        axes.set_box_aspect(1)
        if index >= count:
            axes.set_axis_off()
            continue
        if index in true:
            _true_cloud(axes, (true[index] - centre[index]) * _PICOMETRES)
        _measured_cloud(axes, moves[:, index])
        axes.text(0.05, 0.94, names[index], transform=axes.transAxes, va="top", fontsize=7, weight="bold")
        axes.set(xlim=(-reach, reach), ylim=(reach, -reach), xticks=[-tick, 0, tick], yticks=[-tick, 0, tick])
        axes.tick_params(length=2, labelsize=SMALL, labelbottom=index + shape[1] >= count)
    left_out = f" (first {count} of {motion.n_columns})" if count < motion.n_columns else ""
    about = "true mean" if comparison is not None else "mean"
    legend = f"Each column about its {about}{left_out}: states, mean ± sd"
    if comparison is not None and true:
        legend += "; blue: truth" + ("" if comparison.rendered.stationary else ", ellipse 1σ")
    figure.suptitle(legend, fontsize=8)
    figure.supxlabel("x (pm)", fontsize=8)
    figure.supylabel("y (pm)", fontsize=8)


def _true_cloud(axes: Axes, moves: Floats) -> None:
    axes.plot(moves[:, 1], moves[:, 0], "o", ms=1.6, mfc=TRUE, mec="none", alpha=0.45)
    _ellipse(axes, np.zeros(2), _covariances(moves[:, None])[0])
    axes.plot(0, 0, "x", ms=4, mew=1.0, color=TRUE)


def _measured_cloud(axes: Axes, moves: Floats) -> None:
    y, x = moves.mean(axis=0)
    sd_y, sd_x = moves.std(axis=0)
    axes.plot(moves[:, 1], moves[:, 0], "o", ms=2.6, mfc=MEASURED, mec="white", mew=0.3)
    axes.errorbar(
        x, y, xerr=sd_x, yerr=sd_y, fmt="none", ecolor="black", elinewidth=0.9, capsize=1.5, zorder=5
    )


def _covariances(positions: Floats) -> Floats:
    """Covariance (N, 2, 2) of positions (snapshot, N, 2)."""
    moved = positions - positions.mean(axis=0)
    return np.asarray(np.einsum("sni,snj->nij", moved, moved) / len(positions))


def _ellipse(axes: Axes, centre: Floats, covariance: Floats, colour: str = TRUE) -> None:
    """Draw the 1σ ellipse of a covariance in (y, x)."""
    variance, direction = np.linalg.eigh(covariance)
    width, height = 2 * np.sqrt(np.maximum(variance[::-1], 0.0))
    angle = float(np.degrees(np.arctan2(direction[0, 1], direction[1, 1])))
    centre_x, centre_y = float(centre[1]), float(centre[0])
    axes.add_patch(Ellipse((centre_x, centre_y), width, height, angle=angle, fill=False, ec=colour, lw=1.1))


def _nice(value: float) -> float:
    """Round down to 1, 2 or 5 times a power of ten."""
    decade = 10.0 ** np.floor(np.log10(value))
    return float(max(step * decade for step in (1, 2, 5) if step * decade <= value))
