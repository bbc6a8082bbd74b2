"""The chart of the column motion: where the centre of every column lies in every state."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Ellipse
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from napari_mixedptycho.analysis.figures.images import grid_shape
from napari_mixedptycho.analysis.figures.style import MEASURED, TRUE, Floats, Frame, scale_bar, show, styled
from napari_mixedptycho.analysis.motion import ColumnMotion
from napari_mixedptycho.analysis.truth import Comparison
from napari_mixedptycho.errors import InputError

_MOST = 64  # small panels; the overview shows all columns
_PICOMETRES = 100.0  # per Å


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
    panel = 7.0 / max(across, 5)
    with styled():
        figure = Figure(figsize=(7.2, 3.5 + panel * rows + 0.5), layout="constrained")
        halves: np.ndarray = np.asarray(figure.subfigures(2, 1, height_ratios=[3.5, panel * rows + 0.5]))
        top, bottom = halves
        overview, spread = top.subplots(1, 2, width_ratios=[1.0, 1.05])
        _overview(overview, motion, np.asarray(phase, dtype=np.float64), frame, comparison, magnification)
        _spread(spread, motion, comparison)
        _panels(bottom, motion, comparison, (rows, across))
        figure.suptitle(title or _headline(motion, comparison), fontsize=9)
    return figure


def _headline(motion: ColumnMotion, comparison: Comparison | None) -> str:
    text = f"{motion.n_columns} columns in {motion.n_states} states"
    if comparison is None:
        return f"{text}: rms sd {_pm(motion.sd_y)} (y), {_pm(motion.sd_x)} (x)"
    rendered = comparison.rendered
    text += f": rms sd {_pm(comparison.sd_y)} (y), {_pm(comparison.sd_x)} (x);"
    text += f" true {_pm(rendered.true_sd_y)}, {_pm(rendered.true_sd_x)}"
    if rendered.sd_ratio is not None:
        text += f"; ratio {rendered.sd_ratio:.2f}"
    if rendered.sd_correlation is not None:
        text += f", r = {rendered.sd_correlation:.2f}"
    return f"{text}; position error {_pm(rendered.mean_position_error)}"


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
    show(axes, phase, frame, 0.6, "gray")
    cloud = motion.mean + magnification * (motion.positions - motion.mean)
    axes.plot(
        cloud[..., 1].ravel(),
        cloud[..., 0].ravel(),
        "o",
        ms=2.0,
        mfc=MEASURED,
        mec="white",
        mew=0.25,
        alpha=0.9,
    )
    axes.plot(motion.mean[:, 1], motion.mean[:, 0], "+", ms=4, mew=1.0, color="white")
    if comparison is not None:
        rendered = comparison.rendered
        covariances = _covariances(comparison.true_positions)
        for centre, covariance in zip(rendered.true_mean + rendered.translation, covariances, strict=True):
            _ellipse(axes, centre, covariance * magnification**2)
    for index, (y, x) in enumerate(motion.mean):
        axes.annotate(
            str(index), (x, y), xytext=(5, 5), textcoords="offset points", color="#FFE9A8", fontsize=6
        )
    axes.autoscale(False)
    scale_bar(axes)
    note = ", ellipse: true 1σ" if comparison is not None else ""
    axes.set(
        xlabel="x (Å)",
        ylabel="y (Å)",
        title=f"Centres of mass per state, moves ×{magnification:g}{note}",
    )


def _spread(axes: Axes, motion: ColumnMotion, comparison: Comparison | None) -> None:
    number = np.arange(motion.n_columns)
    for axis, (name, marker, step) in enumerate((("y", "o", -0.18), ("x", "s", 0.18))):
        sd = motion.sd[:, axis] * _PICOMETRES
        ends = motion.sd_interval[:, axis] * _PICOMETRES
        bars = np.stack([sd - ends[:, 0], ends[:, 1] - sd])
        bars = np.where(np.isfinite(bars), bars, 0.0)
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
            label=f"sd {name}, 95 % interval" if axis == 0 else f"sd {name}",
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
    axes.set(xlabel="Column", ylabel="Standard deviation over the states (pm)", title="Spread of each column")
    top = np.nanmax(np.where(np.isfinite(motion.sd_interval), motion.sd_interval, np.nan), initial=0.0)
    top = max(float(top), float(motion.sd.max()), 0.001)
    if comparison is not None:
        top = max(top, float(comparison.rendered.true_sd.max()))
    axes.set_ylim(0, 1.3 * top * _PICOMETRES)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y", color="0.9", lw=0.4)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper right", ncols=3, columnspacing=1.0, handletextpad=0.3)


def _panels(
    figure: SubFigure, motion: ColumnMotion, comparison: Comparison | None, shape: tuple[int, int]
) -> None:
    panels = figure.subplots(*shape, squeeze=False, sharex=True, sharey=True)
    count = min(motion.n_columns, panels.size)
    centre = motion.mean.copy()
    true: dict[int, Floats] = {}
    if comparison is not None:
        shifted = comparison.true_positions + comparison.rendered.translation
        centre[comparison.found] = shifted.mean(axis=0)
        true = dict(zip(comparison.found.tolist(), np.moveaxis(shifted, 1, 0), strict=True))
    moves = (motion.positions - centre)[:, :count] * _PICOMETRES
    reach = _nice(max(float(np.abs(moves).max(initial=0.0)), 2.6 * 100 * float(motion.sd.max()), 10.0))
    for index, axes in enumerate(panels.ravel()):
        axes.set_box_aspect(1)
        if index >= count:
            axes.set_axis_off()
            continue
        if index in true:
            _true_cloud(axes, (true[index] - centre[index]) * _PICOMETRES)
        _measured_cloud(axes, moves[:, index])
        axes.text(0.05, 0.94, str(index), transform=axes.transAxes, va="top", fontsize=7, weight="bold")
        tick = reach / 2
        axes.set(xlim=(-reach, reach), ylim=(reach, -reach), xticks=[-tick, 0, tick], yticks=[-tick, 0, tick])
        axes.tick_params(length=2, labelsize=6, labelbottom=index + shape[1] >= count)
    left_out = f" (first {count} of {motion.n_columns})" if count < motion.n_columns else ""
    about = "true mean" if comparison is not None else "mean"
    legend = f"Each column about its {about}{left_out}: states, mean ± sd"
    figure.suptitle(legend + ("; blue: truth, ellipse 1σ" if true else ""), fontsize=8)
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


def _ellipse(axes: Axes, centre: Floats, covariance: Floats) -> None:
    """Draw the 1σ ellipse of a covariance in (y, x)."""
    variance, direction = np.linalg.eigh(covariance)
    width, height = 2 * np.sqrt(np.maximum(variance[::-1], 0.0))
    angle = float(np.degrees(np.arctan2(direction[0, 1], direction[1, 1])))
    centre_x, centre_y = float(centre[1]), float(centre[0])
    axes.add_patch(Ellipse((centre_x, centre_y), width, height, angle=angle, fill=False, ec=TRUE, lw=1.1))


def _nice(value: float) -> float:
    """Round up to a length whose half is a good tick, pm."""
    steps = np.array([10, 20, 40, 60, 100, 160, 200, 300, 400, 600, 800, 1200])
    return float(steps[np.searchsorted(steps, min(value, 1200.0))])
