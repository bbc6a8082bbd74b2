"""What a model means for the data, in words that a microscopist uses, each doubt with what to do."""

from __future__ import annotations

from dataclasses import dataclass

from napari_mixedptycho.outlook import SPACING, Outlook, advised_slices
from napari_mixedptycho.words import amount, counted, size

_THICK = 1.5 * SPACING
"""Å: slices thicker than this are a doubt; two for 7.7 Å cost 7 % of the dark field."""
_THIN = 0.5
"""Of the depth of focus: a thinner specimen is in focus all the way through."""


@dataclass(frozen=True)
class Line:
    """One thing to know.

    Attributes
    ----------
    title
        What it is about.
    text
        How it is.
    doubt
        What speaks against it, and what to do; nothing where all is well.
    """

    title: str
    text: str
    doubt: str = ""


def covers(slices: int, thickness: float, *, from_file: bool) -> Line:
    """Say what so many slices of a specimen, Å thick, come to, and how many are advised."""
    spacing, advised = thickness / slices, advised_slices(thickness)
    source = " (from the file)" if from_file else ""
    text = f"Covers {thickness:.1f} Å{source}: {slices} × {spacing:.2f} Å."
    number = counted(advised, "slice")
    if spacing > _THICK:
        doubt = f"Thick slices scatter wrongly, which looks like motion: take {number} of {SPACING:g} Å."
        return Line("Slices", text, doubt)
    if slices > 2 * advised:
        return Line("Slices", f"{text} {number} would do, in {slices / advised:.2g} times less time.")
    return Line("Slices", f"{text} About {SPACING:g} Å each are advised: {number}.")


def assumed(slices: int) -> Line:
    """Say what is assumed of a thickness that nobody knows."""
    text = f"{slices} × {SPACING:g} Å, {SPACING * slices:g} Å in all, are assumed."
    doubt = "The thickness is not in the file: type it. A wrong one looks like motion."
    return Line("Slices", text, doubt)


def probe_lines(seen: Outlook, *, shown: bool = True) -> list[Line]:
    """Return what stands beside the drawing of the probe; `shown`: it holds the window."""
    focus = f"at {seen.defocus:.4g} Å of defocus" if seen.defocus else "in focus"
    width = "Wider than its window" if seen.doubts["window"] else f"{seen.probe:.3g} Å wide"
    beyond = "" if shown else " Beyond the drawing."
    return [
        Line("Probe", f"{width} {focus}."),
        Line("Scan", f"{seen.step:.3g} Å a step: neighbours overlap by {100 * seen.overlap:.0f} %."),
        Line("Window", f"{seen.window:.3g} Å, in pixels of {seen.sampling:.3g} Å.{beyond}"),
    ]


def model_lines(seen: Outlook) -> list[Line]:
    """Return what stands below it: doubts about the probe; depth, unknowns, dose, memory."""
    of_probe = [Line("", "", doubt) for name in ("probe", "window") for doubt in seen.doubts[name]]
    lines = (_depth(seen), _unknowns(seen), _dose(seen), _memory(seen))
    return [*of_probe, *(line for line in lines if line.text)]


def _depth(seen: Outlook) -> Line:
    text = f"The probe stays in focus over {seen.focus:.3g} Å (λ/α²)"
    if seen.thickness is None:
        return Line("Depth", f"{text}.")
    part = seen.thickness / seen.focus
    if part < _THIN:
        return Line("Depth", f"{text}, so in all of the specimen: what lies in which slice cannot be told.")
    return Line("Depth", f"{text}; the specimen is {part:.2g} times as thick, so that depth can be told.")


def _unknowns(seen: Outlook) -> Line:
    height, width = seen.shape
    what = "one object, displaced in" if seen.displaced and seen.states > 1 else "in"
    states = f"{what} {counted(seen.states, 'state')}"
    grid = f"{height} × {width} px × {counted(seen.slices, 'slice')}"
    text = f"{grid}, {states}: {amount(seen.free)} free numbers where it is lit"
    if seen.known is None:
        return Line("Object", f"{text}.")
    held = " that hold electrons" if seen.counted else ""
    text = f"{text}, against {amount(seen.known)} measured ones{held}."
    if seen.free <= seen.known:
        return Line("Object", text)
    return Line("Object", text, "It can explain noise: take fewer states or slices, or displaced states.")


def _dose(seen: Outlook) -> Line:
    doubt = " ".join(seen.doubts["dose"])
    if seen.electrons is None or seen.dose is None:
        return Line("Dose", "Not known." if doubt else "", doubt)
    text = f"{amount(seen.dose)} e⁻/Å², {amount(seen.electrons)} e⁻ in a pattern"
    if seen.states == 1:
        return Line("Dose", f"{text}.", doubt)
    enough = "" if doubt else ": enough to tell states apart"
    return Line(
        "Dose",
        f"{text}, {amount(seen.electrons / seen.states)} for each of {seen.states} states{enough}.",
        doubt,
    )


def _memory(seen: Outlook) -> Line:
    return Line("Memory", f"About {size(seen.memory)}; one more state costs {size(seen.memory_of_state)}.")
