"""What a calibration found, as rows to read and as settings to take over. No Qt and no napari here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.calibrated import DISAGREE, UNSURE, calibrated, with_measured
from napari_mixedptycho.calibration import Calibration, Measured
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.words import amount, counted

State = Literal["good", "odd", "unknown"]
WORDS: dict[State, str] = {"good": "fine", "odd": "look", "unknown": "not measured"}
"""What each state is called: colour is never the only sign."""
SIGNS: dict[State, str] = {"good": "✓", "odd": "▲", "unknown": "–"}
_ACCURATE = {"defocus": 5.0, "scan_rotation": 0.5}
"""Å and degrees, by which good data may be off (docs/calibration.md)."""
NUMBERS = ("detector_sampling", "scan_rotation", "defocus", "astigmatism_a", "astigmatism_b")
_DIRECTIONS = ("transpose", "flip_y", "flip_x", "center", "descan")
SETTINGS = (*_DIRECTIONS, "bad_pixels")
"""Of the recipe's section data, what is taken over; of its section microscope that is `NUMBERS`."""


@dataclass(frozen=True)
class Row:
    """One measured number.

    Attributes
    ----------
    label, value
        What it is, and the number with its uncertainty and unit.
    state
        Whether to believe it.
    source
        Where it comes from, and what the file says.
    picture
        Which picture shows it; empty: none does.
    """

    label: str
    value: str
    state: State
    source: str
    picture: str = ""


@dataclass(frozen=True)
class Findings:
    """A calibration with what it means.

    Attributes
    ----------
    found
        What was measured.
    bare, measured
        The data set with what the file and the person state, and with what was measured.
    stated
        Number → value that the file states.
    remarks
        Doubts and verdicts, each a sentence; none: nothing stands in the way.
    basis
        Setting → value, of those that have a say in what is measured.
    """

    found: Calibration
    bare: Dataset
    measured: Dataset
    stated: Mapping[str, float]
    remarks: tuple[str, ...]
    basis: Mapping[str, Any] = field(default_factory=dict)

    @property
    def numbers(self) -> dict[str, float]:
        """The microscope's numbers as they were measured."""
        names = (name for name in NUMBERS if self.measured.sources.get(name) == "measured")
        return {name: float(getattr(self.measured, name)) for name in names}

    def applied(self, recipe: Recipe) -> Recipe:
        """Return the recipe with the measured numbers; what the file states and agrees with stays."""
        full = calibrated(recipe, self.measured, self.found)
        told = {name: value for name, value in self.numbers.items() if not self._agrees(name, value)}
        numbers = dict.fromkeys(NUMBERS) | told
        directions = {name: getattr(full.data, name) for name in _DIRECTIONS}
        bad = {"bad_pixels": "auto"} if self.found.pixels.bad.any() else {}
        return recipe.model_copy(
            update={
                "data": recipe.data.model_copy(update=directions | bad),
                "microscope": recipe.microscope.model_copy(update=numbers),
            }
        )

    def _agrees(self, name: str, value: float) -> bool:
        """Tell whether a number needs not be set: it is what the file states, or nothing."""
        error = {"defocus": self.found.defocus, "scan_rotation": self.found.rotation}.get(name)
        if name.startswith("astigmatism"):
            return value == 0
        if error is None:
            return False
        before = self.stated.get(name, 0.0)
        if name not in self.stated and name == "defocus":
            return False
        enough = max(DISAGREE * abs(before), 3 * error.error, _ACCURATE[name] if name in self.stated else 0.1)
        return abs(value - before) <= enough

    def rows(self) -> list[Row]:
        """Return what was measured, to be read."""
        found = self.found
        bad, dead = int(found.pixels.hot.sum()), int(found.pixels.dead.sum())
        y, x = found.disk.center
        rows = [
            Row("Disk centre", f"{y.value:.2f}, {x.value:.2f} px", "good", self._center(), "disk"),
            Row("Disk radius", f"{_told(found.disk.radius)} px", "good", "measured", "disk"),
            self._compared("Sampling", "detector_sampling", found.sampling, "1/Å", "disk"),
            self._compared("Scan rotation", "scan_rotation", found.rotation, "°", "rotation"),
            self._orientation(),
            self._descan(),
            self._compared("Defocus", "defocus", self._focus(), "Å", "bright_field"),
            self._astigmatism(),
            self._dose(),
        ]
        text = f"{bad} hot, {dead} dead" if bad or dead else "none"
        masked = f"; {counted(found.masked, 'masked pixel')} had no say" if found.masked else ""
        rows.append(Row("Bad pixels", text, "odd" if bad + dead else "good", f"measured{masked}", "disk"))
        return rows

    def _center(self) -> str:
        y, x = self.found.disk.center
        middle = self.bare.detector_size // 2
        return f"measured, row and column ± {max(y.error, x.error):.2g}; the middle is {middle}, {middle}"

    def _focus(self) -> Measured | None:
        focus = self.found.defocus
        return None if focus is None else Measured(self.measured.defocus, focus.error)

    def _compared(self, label: str, name: str, value: Measured | None, unit: str, picture: str) -> Row:
        if value is None:
            return _unknown(label)
        before = self.stated.get(name)
        source, state = "measured", "good"
        if before is not None:
            source += f"; the file says {before:.4g}"
            error = max(3 * value.error, _ACCURATE.get(name, 0.0), DISAGREE * abs(before))
            part = f" ({value.value / before - 1:+.1%})" if before else ""
            state = "odd" if abs(value.value - before) > error else "good"
            source += f"{part}: differs" if state == "odd" else f"{part}: agrees"
        gap = "" if unit == "°" else " "
        return Row(label, f"{_told(value)}{gap}{unit}", "odd" if state == "odd" else "good", source, picture)

    def _orientation(self) -> Row:
        found = self.found
        if found.sign is None:
            return _unknown("Detector")
        words = [
            n.replace("_", " ") for n in ("transpose", "flip_y", "flip_x") if getattr(found.orientation, n)
        ]
        certainty = abs(found.sign.certainty)
        sure: State = "good" if certainty >= UNSURE else "odd"
        source = f"measured; 180° decided by {certainty:.0f} σ"
        if sure == "odd":
            source += ": try all eight below"
        return Row("Detector", ", ".join(words) or "as stored", sure, source, "rotation")

    def _descan(self) -> Row:
        wander = self.found.slope
        if wander is None:
            return _unknown("Descan")
        slope, error = wander
        reach = float((np.abs(slope) @ np.array(self.bare.scan_shape)).max())
        some = bool((np.abs(slope) > 3 * error).any()) and reach > 0.05
        text = f"{reach:.2g} px over the scan" if some else "none"
        return Row("Descan", text, "good", "measured", "descan")

    def _astigmatism(self) -> Row:
        pair = self.found.astigmatism
        if pair is None:
            return _unknown("Astigmatism")
        text = f"{_told(pair[0])}, {_told(pair[1])} Å"
        return Row("Astigmatism", text, "good", "measured: C12a, C12b", "bright_field")

    def _dose(self) -> Row:
        dose = self.found.dose
        if dose is None:
            why = "Electrons per unit are not known: type them below"
            return Row("Dose", "not known", "unknown", why)
        source = f"measured, ± {amount(dose.error)} electrons per Å²"
        return Row("Dose", f"{amount(dose.value)} e/Å²", "good", source)

    def picture(self, name: str) -> NDArray[np.uint8]:
        """Draw one of the pictures (y, x, rgba)."""
        # Matplotlib takes its time, and is needed here only.
        from napari_mixedptycho.analysis.figures import calibration
        from napari_mixedptycho.analysis.figures.pixels import drawn

        step = self.bare.scan_step
        draw: dict[str, Any] = {
            "disk": lambda: calibration.disk(self.found),
            "rotation": lambda: calibration.rotation(self.found),
            "descan": lambda: calibration.descan(self.found, step),
            "bright_field": lambda: calibration.bright_field(self.found),
        }
        return drawn(draw[name]())


def stated(dataset: Dataset) -> dict[str, float]:
    """Return the numbers that a data set's file states."""
    names = ("detector_sampling", "scan_rotation", "defocus")
    return {name: getattr(dataset, name) for name in names if dataset.sources.get(name) == "file"}


def meaning(found: Calibration, bare: Dataset, numbers: Mapping[str, float]) -> Dataset:
    """Return the data set with what was measured; its mean pattern is known from the measurement."""
    measured = with_measured(bare, found, numbers.get("detector_sampling"))
    vars(measured)["mean_pattern"] = found.moments.mean
    return measured


def _unknown(label: str) -> Row:
    return Row(label, "not measured", "unknown", "needs 8 scan points along each axis")


def _told(value: Measured) -> str:
    """Return a number with as many digits as its uncertainty leaves."""
    if not np.isfinite(value.error) or value.error <= 0:
        return f"{value.value:.4g}"
    # One digit of the uncertainty, two where it is a 1.
    power = np.floor(np.log10(value.error))
    digits = int(np.clip((value.error < 2 * 10**power) - power, 0, 6))
    return f"{value.value:.{digits}f} ± {value.error:.{digits}f}".replace("-", "\u2212")
