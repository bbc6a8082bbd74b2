"""Defocus, astigmatism, and how scan and detector lie to each other, from the tilt-corrected bright field."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from napari_mixedptycho.calibration.bright_field import Bands, Stack, transformed

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]
Tell = Callable[[float], None]
"""Told again and again, several times a second, which part of the work is done; may raise to end it."""

_ROUNDS = 3
"""Fits with images tapered where they show the same."""
_KEPT = 3
"""Maxima of the coarse search that are climbed."""
_UNITS = np.array([1.0, 5.0, 5.0, 5.0])
"""Natural steps of rotation (degrees), defocus and astigmatism (Å)."""
_TAPER = 2.25
"""Neighbouring frequencies of a tapered scan are not independent: so many count as one."""


@dataclass(frozen=True)
class Aberrations:
    """What the bright field says.

    Attributes
    ----------
    rotation
        Degrees, of the scan's x axis from the detector's x axis towards its y axis.
    defocus
        Å, from the middle of the specimen to the crossover below it.
    astigmatism
        C12a, C12b, Å (`optics.aberration_phases`).
    transpose
        The detector's axes are swapped.
    errors
        (4,): standard uncertainties of rotation, defocus, C12a, C12b.
    explained, other
        Part of the contrast that is explained, and the best with the other transposition.
    phase
        (frequency,): Φ(Q).
    """

    rotation: float
    defocus: float
    astigmatism: tuple[float, float]
    transpose: bool
    errors: Floats
    explained: float
    other: float
    phase: Complexes

    @property
    def parameters(self) -> Floats:
        """(4,): rotation, defocus, C12a, C12b."""
        return np.array([self.rotation, self.defocus, *self.astigmatism])

    def reversed(self) -> Aberrations:
        """Return the same with the detector turned by 180°: the phase and the aberrations change sign."""
        a, b = self.astigmatism
        return replace(
            self,
            rotation=self.rotation + 180,
            defocus=-self.defocus,
            astigmatism=(-a, -b),
            phase=-self.phase,
        )


def silent(part: float) -> None:
    """Tell nobody."""


def fit_aberrations(stack: Stack, reach: float = 450.0, told: Tell = silent) -> tuple[Aberrations, Bands]:
    """Find rotation, transposition, defocus (within ± `reach` Å) and two-fold astigmatism.

    The rotation is found up to 180°, which inverts defocus and phase. The contrast that was compared is
    returned too. `told` hears how far it is.
    """
    plain, found = transformed(stack), []
    steps = 1 + _KEPT + _ROUNDS
    for swap in (False, True):
        watch = [partial(told, (swap * steps + step) / (2 * steps)) for step in range(steps)]
        starts = _searched(plain, swap, reach, watch[0])
        refined = [_refined(plain, start, swap, tell) for start, tell in zip(starts, watch[1:], strict=False)]
        parameters, _ = max(refined, key=lambda entry: entry[1])
        for tell in watch[1 + _KEPT :]:
            bands = transformed(stack, parameters, swap)
            parameters, power = _refined(bands, parameters, swap, tell, apart=True)
        found.append((parameters, power / float((np.abs(bands.spectrum) ** 2).sum()), bands))
    swap = found[1][1] > found[0][1]
    parameters, share, bands = found[swap]
    whole = float((np.abs(bands.spectrum) ** 2).sum())
    phase, _ = _explained(bands, parameters, swap)
    errors = _errors(bands, parameters, swap, (1 - share) * whole)
    rotation, defocus, a, b = (float(value) for value in parameters)
    result = Aberrations(rotation, defocus, (a, b), swap, errors, share, found[not swap][1], phase)
    return result, bands


def explained_against(bands: Bands, found: Aberrations, index: int, values: Floats) -> Floats:
    """Return the part of the contrast explained when one parameter takes other values, for the picture."""
    whole = float((np.abs(bands.spectrum) ** 2).sum())
    curve = []
    for value in values:
        parameters = found.parameters
        parameters[index] = value
        curve.append(_explained_apart(bands, parameters, found.transpose) / whole)
    return np.array(curve)


def lit(bands: Bands, y: Floats, x: Floats) -> Floats:
    """Return the aperture's amplitude, its edge soft over a pixel."""
    return np.clip((bands.radius - np.hypot(y, x)) / bands.edge + 0.5, 0, 1)


def _coordinates(bands: Bands, rotation: float, swap: bool) -> tuple[Any, ...]:
    """Return pixel y, x (1, pixel) and frequency y, x (frequency, 1), both on the detector set right."""
    y, x = bands.pixel.T[::-1] if swap else bands.pixel.T
    angle = np.deg2rad(rotation)
    qy, qx = bands.frequency.T
    return (
        y,
        x,
        (np.cos(angle) * qy + np.sin(angle) * qx)[:, None],
        (np.cos(angle) * qx - np.sin(angle) * qy)[:, None],
    )


def _paths(bands: Bands, rotation: float, swap: bool) -> tuple[Any, ...]:
    """Return the weights and coordinates of the two waves that interfere with the undiffracted one."""
    y, x, qy, qx = _coordinates(bands, rotation, swap)
    here = lit(bands, y, x)
    minus = here * lit(bands, y - qy, x - qx)
    plus = here * lit(bands, y + qy, x + qx)
    return y, x, qy, qx, minus, plus


def _waves(bands: Bands, parameters: Floats, swap: bool) -> tuple[Complexes, Complexes]:
    """Return the two side bands (frequency, pixel) of a phase of one."""
    y, x, qy, qx, minus, plus = _paths(bands, parameters[0], swap)
    defocus, a, b = parameters[1:]
    curve_y, curve_x = defocus + a, defocus - a  # −χ/(πλ) = defocus·k² − C12a(kx² − ky²) − 2·C12b·kx·ky

    def along(v: Any, u: Any) -> Any:
        return np.pi * bands.wavelength * (curve_y * v * v + curve_x * u * u - 2 * b * v * u)

    here = along(y, x)
    return (
        1j * minus * np.exp(1j * (along(y - qy, x - qx) - here)),
        -1j * plus * np.exp(1j * (here - along(y + qy, x + qx))),
    )


def _explained(bands: Bands, parameters: Floats, swap: bool) -> tuple[Complexes, float]:
    """Return Φ(Q) and how much of Σ|G|² a pure phase explains with these parameters."""
    minus, plus = _waves(bands, parameters, swap)
    return _projected(bands.spectrum, minus + plus)


def _explained_apart(bands: Bands, parameters: Floats, swap: bool) -> float:
    """Return how much of Σ|G|² is explained when both side bands may be of any strength and phase.

    What scatters twice, or absorbs, has side bands that are not those of a weak phase; the slopes of their
    phases across the detector, which tell defocus and rotation, are nearly the same.
    """
    waves, given = _waves(bands, parameters, swap), bands.spectrum
    aa, bb = (np.einsum("qk,qk->q", wave.conj(), wave).real + 1e-3 for wave in waves)
    ab = np.einsum("qk,qk->q", waves[0].conj(), waves[1])
    a, b = (np.einsum("qk,qk->q", wave.conj(), given) for wave in waves)
    # The normal equations of two waves, which overlap less than fully.
    determinant = aa * bb - np.abs(ab) ** 2 + 1e-6 * aa * bb
    power = bb * np.abs(a) ** 2 + aa * np.abs(b) ** 2 - 2 * (a.conj() * ab * b).real
    return float((power / determinant).sum())


def _projected(spectrum: Complexes, model: Complexes) -> tuple[Complexes, float]:
    norm = np.einsum("qk,qk->q", model.conj(), model).real
    floor = 1e-3 * float(norm.max()) + 1e-12
    overlap = np.einsum("qk,qk->q", model.conj(), spectrum)
    return overlap / (norm + floor), float((np.abs(overlap) ** 2 / (norm + floor)).sum())


def _searched(bands: Bands, swap: bool, reach: float, tell: Callable[[], None]) -> list[Floats]:
    """Return the best rotations and defoci of a coarse grid, without astigmatism."""
    few = replace(
        bands,
        spectrum=bands.spectrum[:40],
        dark=bands.dark[:40],
        frequency=bands.frequency[:40],
        at=bands.at[:40],
    )
    step = min(25.0, 0.5 / (bands.wavelength * bands.radius**2))
    defoci = np.arange(-np.ceil(reach / step), np.ceil(reach / step) + 1) * step
    angles = np.arange(0.0, 180.0, 7.5)
    table = np.empty((len(angles), len(defoci)))
    factor = 1j * np.pi * bands.wavelength
    for row, angle in enumerate(angles):
        y, x, qy, qx, minus, plus = _paths(few, angle, swap)
        here = y * y + x * x
        paths = [(y - qy) ** 2 + (x - qx) ** 2 - here, here - (y + qy) ** 2 - (x + qx) ** 2]
        steps = [np.exp(factor * step * path) for path in paths]
        waves = [w * np.exp(factor * defoci[0] * path) for w, path in zip((minus, plus), paths, strict=True)]
        for column in range(len(defoci)):
            tell()
            table[row, column] = _projected(few.spectrum, 1j * (waves[0] - waves[1]))[1]
            waves = [wave * by for wave, by in zip(waves, steps, strict=True)]
    best: list[Floats] = []
    for index in np.argsort(table, axis=None)[::-1]:
        row, column = np.unravel_index(index, table.shape)
        entry = np.array([angles[row], defoci[column], 0.0, 0.0])
        if all(_apart(entry, other, step) for other in best):
            best.append(entry)
        if len(best) == _KEPT:
            break
    return best


def _apart(one: Floats, other: Floats, step: float) -> bool:
    turn = abs((one[0] - other[0] + 90) % 180 - 90)
    return bool(turn > 12 or abs(one[1] - other[1]) > 3 * step)


def _refined(
    bands: Bands, start: Floats, swap: bool, tell: Callable[[], None], *, apart: bool = False
) -> tuple[Floats, float]:
    """Climb to the next maximum in all four parameters, both side bands tied together or apart."""
    whole = float((np.abs(bands.spectrum) ** 2).sum())

    def cost(offset: Floats) -> float:
        tell()
        parameters = start + offset * _UNITS
        power = _explained_apart(bands, parameters, swap) if apart else _explained(bands, parameters, swap)[1]
        return -power / whole

    simplex = np.concatenate([np.zeros((1, 4)), 2 * np.eye(4)])
    options = {"xatol": 0.02, "fatol": 1e-7, "maxfev": 250, "initial_simplex": simplex}
    found = minimize(cost, np.zeros(4), method="Nelder-Mead", options=options)
    return start + found.x * _UNITS, -float(found.fun) * whole


def _errors(bands: Bands, parameters: Floats, swap: bool, left: float) -> Floats:
    """Return standard uncertainties from the curvature of what is explained; what is not counts as noise."""
    variance = _TAPER * left / max(bands.spectrum.size - 2 * len(bands.spectrum), 1)
    steps = np.array([0.5, 3.0, 3.0, 3.0])

    def power(offset: Floats) -> float:
        return _explained_apart(bands, parameters + offset, swap)

    curvature = np.empty((4, 4))
    for i, j in product(range(4), repeat=2):
        one, other = np.eye(4)[i] * steps, np.eye(4)[j] * steps
        terms = power(one + other) - power(one - other) - power(other - one) + power(-one - other)
        curvature[i, j] = -terms / (4 * steps[i] * steps[j])
    errors: Floats = np.sqrt(np.maximum(np.diag(np.linalg.pinv(curvature)), 0) * variance)
    return errors
