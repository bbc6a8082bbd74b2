"""How an estimate is doing: who carries the phase, how far the states are apart, what the probe holds.

The loss does not tell whether object states mean anything. These numbers are cheap beside an iteration, and
`alarms` says which of them are not those of a good reconstruction.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho._array import Array, asnumpy, namespace
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.objects import states

_SMALLEST = 16
"""Edge of the field, px, below which its surroundings are looked at too."""
_PIXELS = 2**14
"""Pixels of a state and slice that statistics look at, about; a larger field is thinned out."""
_NEIGHBOURS = np.arange(-3, 4)
"""Frequencies beside that of the scan, in steps of one over the field."""
_BESIDE = np.hypot(_NEIGHBOURS[:, None], _NEIGHBOURS) > 2
"""Those to compare with: the others are within the width of a peak (Hann window)."""


@dataclass(frozen=True)
class Alarm:
    """Something that a good reconstruction does not show.

    Attributes
    ----------
    name
        For programs; stays the same from version to version.
    symptom, remedy
        A sentence each: what was seen, and what to do.
    """

    name: str
    symptom: str
    remedy: str

    def __str__(self) -> str:
        """Return both sentences."""
        return f"{self.symptom} {self.remedy}"


@dataclass(frozen=True)
class Health:
    """The signs of an estimate, over the scanned field; on the host.

    Attributes
    ----------
    phase
        (state, slice): share of the mean squared phase (about its mean) that each carries; they add up to 1.
    scattering
        (state, slice): share of the power that each scatters out of the unscattered part,
        ``<|O|²> − |<O>|²``; they add up to 1.
    distances
        (state, state): rms difference of two states ÷ rms phase of their mean.
    separation
        Mean standard deviation between states ÷ mean absolute phase.
    probe
        (mode,): share of the power of the probe.
    power
        Electrons in the probe of all states ÷ electrons of a pattern; NaN where that is not known.
    texture
        Power of the mean object at the frequency of the scan grid ÷ that of its strongest neighbour, the
        smaller one of the two directions; NaN where the grid is too fine for the object's pixels.
    ripple
        Amplitude of that texture ÷ rms of the mean projected phase.
    alarms
        What is not as it should be.
    """

    phase: NDArray[np.float64]
    scattering: NDArray[np.float64]
    distances: NDArray[np.float64]
    separation: float
    probe: NDArray[np.float64]
    power: float = float("nan")
    texture: float = float("nan")
    ripple: float = float("nan")
    alarms: tuple[Alarm, ...] = ()

    @property
    def states(self) -> int:
        """Number of object states."""
        return len(self.phase)

    @property
    def largest_state(self) -> float:
        """Phase of the strongest state ÷ mean of the others; 1 with one state."""
        return _ratio(self.phase.sum(axis=1))

    @property
    def largest_slice(self) -> float:
        """Phase of the strongest slice ÷ mean of the others; 1 with one slice."""
        return _ratio(self.phase.sum(axis=0))

    @property
    def apart(self) -> float:
        """Root mean square over pairs of states of their distance; 0 with one state."""
        pairs = self._pairs
        return float(np.sqrt((pairs**2).mean())) if len(pairs) else 0.0

    @property
    def nearest(self) -> float:
        """Smallest distance of two states ÷ `apart`: 1 when all are equally far; NaN when none is apart."""
        return float(self._pairs.min() / self.apart) if self.apart > 0 else float("nan")

    def signs(self) -> dict[str, float]:
        """Return the signs that are one number each, by name."""
        return {
            "separation": self.separation,
            "largest_state": self.largest_state,
            "largest_slice": self.largest_slice,
            "apart": self.apart,
            "nearest": self.nearest,
            "largest_mode": float(self.probe.max()),
            "power": self.power,
            "texture": self.texture,
        }

    @property
    def _pairs(self) -> NDArray[np.float64]:
        return self.distances[np.triu_indices(self.states, 1)]


def _ratio(shares: NDArray[np.float64]) -> float:
    """Return the largest share ÷ mean of the others."""
    others = (shares.sum() - shares.max()) / max(len(shares) - 1, 1)
    if others > 0:
        return float(shares.max() / others)
    return 1.0 if len(shares) == 1 else float("inf")


@dataclass(frozen=True)
class Watch:
    """What the estimates of a run are judged by.

    Attributes
    ----------
    electrons
        Of the mean pattern; None: not known.
    period
        Object pixels from one scan point to the next; None: not a grid.
    """

    electrons: float | None = None
    period: float | None = None

    def look(self, estimate: Estimate) -> Health:
        """Measure the signs of an estimate; alarms are left to `alarms`."""
        window = scanned_field(estimate)
        stored = states(estimate)[(..., *window)]
        xp = namespace(stored)
        phases = xp.angle(stored) if stored.dtype.kind == "c" else stored
        some = _some(xp, *phases.shape[-2:])
        thin, thin_phases = stored[some], phases[some]
        moved = thin_phases - thin_phases.mean(axis=(-2, -1), keepdims=True)
        size = float(xp.abs(thin_phases).mean(dtype="f8"))
        spread = float(thin_phases.std(axis=0).mean(dtype="f8"))
        power = asnumpy((xp.abs(estimate.probe) ** 2).sum(axis=(-2, -1), dtype="f8"))
        texture, ripple = (
            (float("nan"),) * 2
            if self.period is None
            else _texture(phases.sum(axis=1).mean(axis=0), self.period)
        )
        return Health(
            phase=_shares(asnumpy((moved**2).mean(axis=(-2, -1), dtype="f8"))),
            scattering=_shares(asnumpy(_scattered(thin))),
            distances=_distances(moved),
            separation=spread / size if size > 0 else 0.0,
            probe=_shares(power),
            power=float(power.sum()) * estimate.states / self.electrons if self.electrons else float("nan"),
            texture=texture,
            ripple=ripple,
        )


def scanned_field(estimate: Estimate) -> tuple[slice, slice]:
    """Return the rows and columns of the object between the outermost scan points."""
    windows = []
    places = asnumpy(estimate.positions)
    for low, high, edge in zip(
        places.min(axis=0), places.max(axis=0), estimate.object.shape[-2:], strict=True
    ):
        more = max(0.0, (_SMALLEST - (high - low)) / 2)
        windows.append(slice(max(0, int(low - more)), min(edge, int(np.ceil(high + more)) + 1)))
    return windows[0], windows[1]


def _some(xp: ModuleType, *edges: int) -> tuple[Any, ...]:
    """Return what chooses about `_PIXELS` pixels of the last two axes: all of them, or rows and columns.

    Drawn by chance (always the same ones), since a regular choice would see one part of each unit cell only.
    """
    share = (_PIXELS / (edges[0] * edges[1])) ** 0.5
    if share >= 1:
        return (...,)
    random = np.random.default_rng(0)
    rows, columns = (
        np.sort(random.choice(edge, max(1, round(share * edge)), replace=False)) for edge in edges
    )
    return (..., xp.asarray(rows)[:, None], xp.asarray(columns))


def _shares(parts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return parts of a whole; equal ones where the whole is nothing."""
    whole = float(parts.sum())
    return np.asarray(parts / whole) if whole > 0 else np.full(parts.shape, 1 / parts.size)


def _scattered(stored: Array) -> Array:
    """Return ``<|O|²> − |<O>|²`` of each state and slice."""
    xp, axes = namespace(stored), (-2, -1)
    if stored.dtype.kind == "c":
        return (xp.abs(stored) ** 2).mean(axis=axes, dtype="f8") - xp.abs(
            stored.mean(axis=axes, dtype="c16")
        ) ** 2
    cosine, sine = (part.mean(axis=axes, dtype="f8") for part in (xp.cos(stored), xp.sin(stored)))
    return xp.maximum(1 - cosine**2 - sine**2, 0)


def _distances(moved: Array) -> NDArray[np.float64]:
    """Return the rms difference of every two states ÷ the rms of their mean."""
    xp = namespace(moved)
    rows = moved.reshape(len(moved), -1)
    mean = rows.mean(axis=0)
    # About their mean, or states that are nearly equal would differ by rounding.
    rows = rows - mean
    products = asnumpy(rows @ rows.T).astype(np.float64) / rows.shape[1]
    norms = np.diag(products)
    apart = np.sqrt(np.maximum(norms[:, None] + norms - 2 * products, 0))
    np.fill_diagonal(apart, 0)
    size = float(xp.sqrt((mean**2).mean(dtype="f8")))
    return np.asarray(apart / size if size > 0 else apart)


def _texture(image: Array, period: float) -> tuple[float, float]:
    """Return how far an image stands out at the frequency of the scan, along y and along x.

    Parameters
    ----------
    image
        (y, x) projected phase, rad.
    period
        Pixels from one scan point to the next.

    Returns
    -------
    tuple
        Power there ÷ that of its strongest neighbour, and amplitude ÷ rms of the image; the smaller one of
        the two directions each. A reflection of a crystal beside that frequency is a neighbour, and one right
        there is hardly there in both directions.
    """
    if period <= 2 or min(image.shape) < 2 * period:
        return float("nan"), float("nan")
    xp = namespace(image)
    wy, wx = (xp.asarray(np.hanning(edge + 2)[1:-1]) for edge in image.shape)
    weight = float(wy.sum()) * float(wx.sum())
    mean = float(wy @ image @ wx) / weight
    tapered = (image - mean) * wy[:, None] * wx
    found = []
    for along in ((1 / period, 0.0), (0.0, 1 / period)):
        places = [centre + _NEIGHBOURS / edge for centre, edge in zip(along, image.shape, strict=True)]
        waves = [
            xp.asarray(np.exp(-2j * np.pi * np.outer(place, np.arange(edge))))
            for place, edge in zip(places, image.shape, strict=True)
        ]
        power = asnumpy(xp.abs(waves[0] @ tapered @ waves[1].T)) ** 2
        # Beyond half a wave per pixel stands the mirror image.
        beside = _BESIDE & (places[0] <= 0.5)[:, None] & (places[1] <= 0.5)
        peak = power[len(power) // 2, len(power) // 2]
        found.append((peak / max(float(power[beside].max()), 1e-300), 2 * np.sqrt(peak) / weight))
    rms = float(image.std())
    (first, high), (second, low) = found
    return min(first, second), min(high, low) / rms if rms > 0 else 0.0
