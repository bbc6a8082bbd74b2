"""The figures of docs/paper.md, from the runs that benchmarks/paper.py has made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from common import Point, compared
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from napari_mixedptycho.analysis import measure
from napari_mixedptycho.analysis.figures import Frame, columns, save, states
from napari_mixedptycho.analysis.figures.style import (
    MEASURED,
    PHASE_COLOURS,
    SECOND,
    TRUE,
    limits,
    scale_bar,
    styled,
)
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.result import Result

Runs = Mapping[str, tuple[Result, Dataset, list[Point]]]

_VIOLET, _ORANGE, _GREY = "#CC79A7", "#E69F00", "0.45"
_CASES = {
    "pure": ("pure object, pure probe", _GREY),
    "mixed_probe": ("pure object, 3 probe modes", SECOND),
    "mixed_object": ("6 object states, pure probe", MEASURED),
    "mixed_both": ("6 object states, 3 probe modes", TRUE),
}
_RACE = {
    "moving": ("plain gradient descent", _GREY, "--"),
    "moving_lbfgs": ("the same problem, L-BFGS", MEASURED, "-"),
    "same_model_intensity": ("default recipe, loss of eq. 3", _ORANGE, "-"),
    "same_model": ("default recipe, Poisson", TRUE, "-"),
    "ours": ("default recipe, 8 states, 4 slices", SECOND, "-"),
}
_FREE = {
    "wide_moving_lbfgs": ("noise 0.1 rad", MEASURED, "-"),
    "wide_control_lbfgs": (None, MEASURED, ":"),
    "moving_lbfgs": ("the same, half band limit", _GREY, "-"),
    "control_lbfgs": (None, _GREY, ":"),
    "weak_noise_lbfgs": ("noise 0.01 rad, half band limit", _ORANGE, "-"),
    "moving": ("noise 0.1 rad, plain gradient descent", _VIOLET, "-"),
}
_DISPLACED = {
    "wide": ("2 slices", TRUE, "-"),
    "wide_static": (None, TRUE, ":"),
    "same_model": ("2 slices, half band limit", _GREY, "-"),
    "same_model_static": (None, _GREY, ":"),
    "ours": ("4 slices, 8 states: the default", SECOND, "-"),
    "ours_static": (None, SECOND, ":"),
}
_TICKS = (5, 10, 20, 50, 100, 200, 500)
_TRUE_SPREAD = 5.4
"""pm: rms over the columns, the same centroid on the drawn truth."""


def draw(runs: Runs, out: Path) -> None:
    """Draw every figure whose runs are there."""
    drawn = {"loss": losses(runs), "spread": spreads(runs), "mean_phase": mean_phases(runs)}
    for name, title in (
        ("moving_lbfgs", "Free states, vibrating atoms, point source"),
        ("mixed_object_lbfgs", "Free states, vibrating atoms, source of 0.2 Å"),
        ("control_lbfgs", "Free states, stationary control"),
        ("few_patterns", "Free states, 8 of 400 patterns in each update"),
        ("ours", "Default recipe, vibrating atoms"),
    ):
        if name in runs:
            result, dataset, _ = runs[name]
            frame = Frame.of(result)
            drawn[f"states_{name}"] = states(result.projected_phase(), frame, title)
            motion, comparison = measure(result), compared(result, dataset)
            if motion.n_columns:
                drawn[f"columns_{name}"] = columns(motion, result.mean_phase(), frame, comparison)
    for name, figure in drawn.items():
        if figure is not None:
            save(figure, out / f"{name}.png", 90.0 if name.startswith(("states", "mean")) else 120.0)


def losses(runs: Runs) -> Figure:
    """Draw the loss of eq. 3 against evaluations: the cases of the paper, and ways to the same loss."""
    with styled():
        figure = Figure(figsize=(7.4, 3.3), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        for name, (label, colour) in _CASES.items():
            _curve(left, runs, f"{name}_lbfgs", colour, "-", label)
            _curve(left, runs, name, colour, "--", None)
        left.plot([], [], color="0.2", ls="--", label="plain gradient descent")
        for name, (label, colour, line) in _RACE.items():
            _curve(right, runs, name, colour, line, label)
        left.set(ylabel="Loss of eq. 3", title="Vibrating atoms, source of 0.2 Å (solid: L-BFGS)")
        right.set(title="Vibrating atoms, point source")
        for axes in (left, right):
            axes.set(xlabel="Evaluations of all patterns", xlim=(4, 600), ylim=(1e-7, 2e-3))
            axes.set(xscale="log", yscale="log")
            _finish(axes)
            axes.legend(loc="lower left", fontsize=6.5)
    return figure


def _curve(axes: Axes, runs: Runs, name: str, colour: str, line: str, label: str | None) -> None:
    if name in runs:
        points = runs[name][2]
        axes.plot(
            [p.evaluations for p in points], [p.intensity for p in points], line, color=colour, label=label
        )


def spreads(runs: Runs) -> Figure:
    """Draw how far the columns seem to move: free states from noise, and displaced copies."""
    with styled():
        figure = Figure(figsize=(7.4, 3.3), layout="constrained")
        panels = figure.subplots(1, 2, sharey=True)
        for axes, chosen in zip(panels, (_FREE, _DISPLACED), strict=True):
            for name, (label, colour, line) in chosen.items():
                if name in runs:
                    points = [point for point in runs[name][2] if point.sd_y > 0]
                    spread = [100 * np.hypot(point.sd_y, point.sd_x) / np.sqrt(2) for point in points]
                    axes.plot([p.evaluations for p in points], spread, line, color=colour, label=label)
            axes.axhline(_TRUE_SPREAD, color="0.3", lw=0.8, ls="-.")
            axes.plot([], [], ":", color="0.2", label="dotted: stationary atoms (truth 0)")
            axes.set(xlabel="Evaluations of all patterns", xscale="log", xlim=(4, 500), ylim=(0, 8.4))
            _finish(axes)
            axes.legend(loc="upper left", fontsize=6.5)
        panels[1].text(4.2, _TRUE_SPREAD - 0.1, "truth", fontsize=7, color="0.3", va="top")
        panels[0].set(ylabel="Spread of the columns over the states (pm)", title="Free states from noise")
        panels[1].set(title="Displaced copies of one object")
    return figure


def _finish(axes: Axes) -> None:
    axes.grid(color="0.9", lw=0.4, which="both")
    axes.spines[["top", "right"]].set_visible(False)
    for axis in (axes.xaxis, axes.yaxis):
        if axis.get_scale() == "log":
            axis.set_minor_formatter(NullFormatter())
    axes.set_xticks(_TICKS, [f"{tick}" for tick in _TICKS])


def mean_phases(runs: Runs) -> Figure | None:
    """Draw the mean phase of the cases of the paper and of the default recipe, each on its own scale."""
    shown: list[tuple[str, Result]] = [
        (label, runs[f"{name}_lbfgs"][0]) for name, (label, _) in _CASES.items() if f"{name}_lbfgs" in runs
    ]
    shown += [("point source, default recipe", runs["ours"][0])] if "ours" in runs else []
    return _row(shown) if shown else None


def _row(shown: Sequence[tuple[str, Result]]) -> Figure:
    with styled():
        figure = Figure(figsize=(1.75 * len(shown), 2.45), layout="constrained")
        for axes, (label, result) in zip(
            figure.subplots(1, len(shown), squeeze=False)[0], shown, strict=True
        ):
            part, extent = Frame.of(result).cropped(np.asarray(result.mean_phase(), np.float64))
            low, high = limits(part)
            image = axes.imshow(part, cmap=PHASE_COLOURS, vmin=low, vmax=high, extent=extent, origin="upper")
            axes.set(xticks=[], yticks=[])
            axes.set_title(label, fontsize=7)
            scale_bar(axes)
            figure.colorbar(image, ax=axes, orientation="horizontal", pad=0.03, aspect=18, label="rad")
    return figure
