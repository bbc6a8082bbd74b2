"""A result on one page: what was measured, of what, how, and whether to believe it."""

from __future__ import annotations

import math
import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from napari_mixedptycho.analysis import b_factor, u_rms_interval
from napari_mixedptycho.analysis.recovery import Recovery
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.export.facts import data_facts, model_facts
from napari_mixedptycho.export.findings import Findings
from napari_mixedptycho.export.html import element, folded, page, picture, table
from napari_mixedptycho.words import counted, interval

NOT_PROVEN = (
    "No stationary control was given. States can take up noise and errors of the model, which look like "
    "motion: without the control this result does not prove that anything moves. Run `mixedptycho "
    "control` and give its control.h5 to the report with --control."
)
"""What stands in place of a verdict."""
NOT_AT_REST = (
    "Not resolved is not at rest: `mixedptycho control --planted 0.05` tells whether a motion of 0.05 Å "
    "would be seen by this recipe at this dose."
)
"""Beside a verdict "not resolved" that nothing else stands beside."""
ONE_STATE = "This result has one object state: it shows a mean structure and says nothing about motion."
_MOST_ROWS = 200


def report(
    findings: Findings,
    dataset: Dataset | None = None,
    files: Mapping[str, str] | None = None,
    date: str | None = None,
) -> str:
    """Return the report of a result as one HTML page that needs nothing else and prints on A4.

    Parameters
    ----------
    findings
        A result, measured; with its control where there is one.
    dataset
        Its data with their own numbers, when at hand: they tell where numbers came from, and the dose.
    files
        How the files are called in the commands: "result", "control" and "report".
    date
        To be written below the title; None: no date, so that the page depends on the result alone.
    """
    result = findings.result
    parts = [
        element("h1", f"Ptychography of {result.name}"),
        element("p", f"Report of {date}." if date else "", "quiet") if date else "",
        element("p", _headline(findings)),
        *_belief(findings),
        element("h2", "Data"),
        table(("Quantity", "Value", "Where from"), data_facts(result, dataset)),
        element("h2", "Reconstruction"),
        table(("What", "How"), model_facts(result)),
        element("h2", "Columns"),
        *_columns(findings),
        element("h2", "Figures"),
        *_figures(findings),
        element("h2", "How to make this again"),
        folded("All settings (the recipe)", result.recipe.to_toml()),
        element("p", "Save the settings above as recipe.toml, beside or with the path of the data; then:"),
        element("pre", "\n".join(commands(findings, files or {}))),
        element("p", _software(result.versions), "quiet"),
    ]
    return page(f"Report: {result.name}", parts)


def write_report(path: str | os.PathLike[str], html: str) -> Path:
    """Write a report; its folder is made when missing."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(html, encoding="utf-8", newline="\n")
    return target


def _headline(findings: Findings) -> str:
    """Say in one or two sentences what was found."""
    motion, result = findings.motion, findings.result
    done = "" if result.complete else " The reconstruction is not complete."
    if not motion.n_columns:
        return f"No columns were found inside the scanned field.{done}"
    if motion.n_states < 2:
        return f"{counted(motion.n_columns, 'column')} in one object state.{done}"
    size = float(np.sqrt((motion.sd_y**2 + motion.sd_x**2) / 2))
    return (
        f"{counted(motion.n_columns, 'column')} in {motion.n_states} object states: moving by {size:.4f} Å "
        f"(rms per axis over the columns; y {_range(motion.sd_y, motion.sd_y_interval)}, x "
        f"{_range(motion.sd_x, motion.sd_x_interval)}).{done}"
    )


def _range(value: float, ends: tuple[float, float]) -> str:
    return f"{value:.4f} ({interval(*ends, 4)})" if np.isfinite(ends[0]) else f"{value:.4f}"


def _belief(findings: Findings) -> list[str]:
    """Return the verdict of the control, or what it means that there is none; then the alarms."""
    verdict = findings.verdict
    if verdict is not None:
        low, high = verdict.ratio_interval
        text = f"Stationary control. {verdict.sentence()}"
        if np.isfinite(verdict.ratio):
            text += (
                f" {100 * verdict.settings.confidence:g} % interval of the ratio: {interval(low, high, 2)}."
            )
        parts = [element("div", text, "verdict good" if verdict.resolved else "verdict doubt")]
        parts += _beside_verdict(findings, resolved=verdict.resolved)
    elif findings.motion.n_states < 2:
        parts = [element("div", ONE_STATE, "verdict")]
    else:
        parts = [element("div", NOT_PROVEN, "verdict doubt")]
    alarms = [element("div", f"Alarm. {alarm}", "verdict doubt") for alarm in findings.health.alarms]
    quiet = "The reconstruction raised no alarm (equal states, lost states, scan-grid texture, rising loss)."
    return [*parts, *(alarms or [element("p", quiet, "quiet")])]


def _beside_verdict(findings: Findings, *, resolved: bool) -> list[str]:
    """Return what the verdict is worth: what was found of a planted motion, and whether all is at its end."""
    recovery, parts = findings.recovery, []
    if recovery is not None:
        kind = "verdict good" if recovery.resolved else "verdict doubt"
        parts.append(element("div", f"Planted motion. {recovery.sentence()}", kind))
    elif not resolved:
        parts.append(element("p", NOT_AT_REST, "quiet"))
    return [*parts, element("div", findings.drift, "verdict doubt")] if findings.drift else parts


def _columns(findings: Findings) -> list[str]:
    """Return the statistics of the columns, and what the truth says where it is known."""
    motion = findings.motion
    if not motion.n_columns:
        return [element("p", "None were found.")]
    parts = [_column_table(findings)]
    if motion.n_columns > _MOST_ROWS:
        parts.append(element("p", f"The first {_MOST_ROWS} of {motion.n_columns}.", "quiet"))
    note = (
        f"Positions in the scan frame; sd over the states along each axis; u_rms per axis with its "
        f"{100 * motion.confidence:g} % bootstrap interval; B = 8π²u_rms² of the column's centre (atoms that "
        "move on their own have a larger one)."
    )
    parts.append(element("p", note, "quiet"))
    for flags, words in (
        (motion.flagged, "Not to be trusted (held at the farthest they may move)"),
        (motion.overlap, "With care: the window is cut by a neighbour's"),
        (motion.edge, "With care: near the rim of the scan, where few patterns tell of them"),
    ):
        if flags is not None and flags.any():
            numbers = motion.numbers or range(motion.n_columns)
            held = ", ".join(str(numbers[index]) for index in np.flatnonzero(flags))
            parts.append(element("div", f"{words}: column {held}.", "verdict doubt"))
    return parts + _against_truth(findings)


def _column_table(findings: Findings) -> str:
    motion, verdict = findings.motion, findings.verdict
    ends, factors = u_rms_interval(motion), b_factor(motion.u_rms)
    header = ["Column", "y (Å)", "x (Å)", "sd y (Å)", "sd x (Å)", "u_rms (Å)", "interval (Å)", "B (Å²)"]
    header += ["floor (Å)", "above floor (Å)"] if verdict is not None else []
    rows = []
    for index in range(min(motion.n_columns, _MOST_ROWS)):
        low, high = ends[index]
        error = interval(low, high, 3)
        row = [
            str(motion.numbers[index] if motion.numbers else index),
            *(f"{value:.3f}" for value in (*motion.mean[index], *motion.sd[index], motion.u_rms[index])),
            error if np.isfinite(low) else "–",
            f"{factors[index]:.3f}",
        ]
        if verdict is not None:
            low, high = verdict.column_above_interval[index]
            above = f"{verdict.column_above[index]:.3f} ({interval(low, high, 3)})"
            row += [f"{verdict.column_floor[index]:.4f}", above]
        rows.append(row)
    return table(header, rows, "numbers")


def _against_truth(findings: Findings) -> list[str]:
    comparison = findings.comparison
    if comparison is None:
        return []
    true = comparison.rendered
    text = f"The data are simulated. Matched with the truth: {counted(comparison.n_columns, 'column')}"
    text += f" ({comparison.n_missed} missed, {comparison.n_extra} too many); "
    text += f"mean positions are off by {true.mean_position_error:.4f} Å (rms per axis); "
    if true.stationary:
        text += "in truth nothing moves, so that all of the motion is error"
    else:
        text += f"true motion {true.true_sd_y:.4f} Å (y), {true.true_sd_x:.4f} Å (x)"
    text += "" if true.sd_ratio is None else f"; measured ÷ true {true.sd_ratio:.2f}"
    text += "" if true.sd_correlation is None else f"; correlation over columns {true.sd_correlation:.2f}"
    apart = comparison.distances.motion
    if np.isfinite(apart.p):
        text += (
            f". Energy distance between measured and true motion {apart.value:.3f} Å, "
            f"as much or more in {100 * apart.p:.2g} % of random divisions of the states (p)"
        )
    return [element("p", f"{text}.")]


def _figures(findings: Findings) -> list[str]:
    """Return all figures, numbered, with their captions."""
    # Here, since matplotlib takes its time and is needed for figures alone.
    from napari_mixedptycho.analysis.figures import album, rendered

    parts = []
    for number, plate in enumerate(album(findings.subject), start=1):
        figure = plate.draw()
        drawing, caption = rendered(figure, resolution=220), f"Figure {number}. {plate.caption}"
        parts.append(picture(drawing, caption, plate.caption, 25.4 * float(figure.get_figwidth())))
    return parts


def commands(findings: Findings, files: Mapping[str, str]) -> list[str]:
    """Return the commands that make result, control and report again."""
    name, still, page_file = (
        files.get(key, usual)
        for key, usual in (("result", "result.h5"), ("control", ""), ("report", "report.html"))
    )
    lines = [_line("run", "recipe.toml", "--out", name)]
    folder = str(Path(still).parent) if still else str(Path(name).with_suffix(".control"))
    given: Sequence[str] = ()
    if findings.verdict is not None:
        still = still or str(Path(folder) / "control.h5")
        lines.append(_line("control", name, "--out", folder, *_planted(findings.recovery)))
        given = ("--control", still)
    return [*lines, _line("report", name, *given, "--out", page_file)]


def _planted(recovery: Recovery | None) -> tuple[str, ...]:
    """Return the option that plants the same motion again."""
    if recovery is None:
        return ()
    size = recovery.planted if math.isnan(recovery.asked) else recovery.asked
    return "--planted", f"{size:.3g}"


def _line(*words: str) -> str:
    return shlex.join(("mixedptycho", *words))


def _software(versions: Mapping[str, str]) -> str:
    return "Computed with " + ", ".join(f"{name} {text}" for name, text in versions.items()) + "."
