"""Loss and gradient of an estimate: every position, state and mode, in lanes that add up in a fixed order.

``I_j = Σ_states Σ_modes |F{…}|²``: Gladyshev et al. (2023), eq. 2.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho._array import Array, add_patches, asnumpy, fft2, ifft2, namespace, take_patches
from napari_mixedptycho.engine.allocator import keep_freed_memory
from napari_mixedptycho.engine.estimate import Estimate, Unknown
from napari_mixedptycho.engine.incidence import Backward as IncidentBackward
from napari_mixedptycho.engine.incidence import incident_waves, shift_ramps, split_positions
from napari_mixedptycho.engine.limits import Limits
from napari_mixedptycho.engine.losses import Loss
from napari_mixedptycho.engine.multislice import Backward as FarBackward
from napari_mixedptycho.engine.multislice import far_field
from napari_mixedptycho.engine.objects import transmission
from napari_mixedptycho.engine.prior import Spectrum
from napari_mixedptycho.engine.problem import Problem, chunks, divide

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Objective:
    """The function that a solver lowers: how badly an estimate explains the measured patterns.

    Attributes
    ----------
    problem, loss
        What is measured, and how to compare.
    total
        What the loss of all patterns is divided by; a batch takes its part.
    electrons
        In all measured pixels.
    prior
        What is added for the object itself; None: nothing.
    limits
        What every trial of a solver is brought back to.
    """

    problem: Problem
    loss: Loss
    total: float
    electrons: float
    prior: Spectrum | None = None
    limits: Limits = Limits()

    @classmethod
    def of(cls, problem: Problem, loss: Loss) -> Objective:
        """Make the objective; reads every pattern once."""
        keep_freed_memory()
        total = electrons = 0.0
        for part in chunks(np.arange(problem.count), 64):
            measured = problem.electrons(part)
            total += float(loss.scale(measured, problem.weight).sum())
            electrons += float((measured * problem.weight).sum(dtype="f8"))
        return cls(problem, loss, total, electrons)

    def value_and_gradient(
        self, estimate: Estimate, refined: tuple[Unknown, ...], batch: Indices | None = None
    ) -> tuple[float, dict[str, Array]]:
        """Compare an estimate with the measured patterns.

        Parameters
        ----------
        estimate
            Where we stand.
        refined
            The unknowns whose gradient is wanted; empty for the value alone.
        batch
            Positions to use; None: all of them.

        Returns
        -------
        tuple
            The loss (dimensionless), and for each refined unknown its gradient, of the unknown's shape;
            that of a complex unknown is ∂L/∂Re + i·∂L/∂Im.
        """
        lanes = self.problem.lanes if batch is None else divide(batch, len(self.problem.lanes))
        part = 1.0 if batch is None else len(batch) / self.problem.count
        view = _View.of(self.problem, estimate, self.loss, refined)
        with ThreadPoolExecutor(self.problem.threads) as pool:
            shares = list(pool.map(view.lane, lanes))
        value, gradient = view.sum(shares, 1.0 / (part * self.total))
        if self.prior is not None:
            penalty, slope = self.prior.value_and_gradient(estimate.object)
            value += penalty
            if "object" in gradient:
                gradient["object"] += slope
        return value, gradient


def predict(problem: Problem, estimate: Estimate, indices: Indices) -> Array:
    """Return the predicted patterns (position, ky, kx), electrons, zero angle in the corner."""
    view = _View.of(problem, estimate, None, ())
    parts = [view.intensity(part)[0] for part in chunks(indices, problem.chunk)]
    return problem.detector.crop(namespace(parts[0]).concatenate(parts))


def illumination(problem: Problem, estimate: Estimate) -> Array:
    """Return Σ_positions Σ_modes |P|² on the object grid, (y, x): electrons per pixel of one state."""
    xp = namespace(estimate.probe)
    power = (xp.abs(estimate.probe) ** 2).sum(axis=0)
    shape = estimate.object.shape[-2:]
    light = xp.zeros((1, *shape), dtype=power.dtype)
    corners, _ = split_positions(estimate.positions, problem.size, shape)
    for part in chunks(np.arange(problem.count), 64):
        add_patches(light, corners[part], xp.broadcast_to(power, (len(part), 1, *power.shape)))
    return light[0]


@dataclass
class _Share:
    """What one lane adds: its loss, and its part of each gradient over the window it touches."""

    indices: Indices
    window: tuple[slice, slice]
    value: float
    object: Array
    spectrum: Array
    shifts: Array


@dataclass(frozen=True)
class _View:
    """One estimate made ready for evaluation: transmission, probe spectrum, windows."""

    problem: Problem
    loss: Loss | None
    refined: tuple[Unknown, ...]
    transmission: Array
    object_pullback: Callable[[Array], dict[str, Array]]
    spectrum: Array
    corners: Indices
    ramps: Array

    @classmethod
    def of(
        cls, problem: Problem, estimate: Estimate, loss: Loss | None, refined: tuple[Unknown, ...]
    ) -> _View:
        wave, pullback = transmission(estimate)
        corners, shifts = split_positions(estimate.positions, problem.size, wave.shape[-2:])
        spectrum = fft2(estimate.probe.copy())
        ramps = shift_ramps(shifts, problem.size, spectrum)
        return cls(problem, loss, refined, wave, pullback, spectrum, corners, ramps)

    def intensity(self, part: Indices) -> tuple[Array, Array, FarBackward, IncidentBackward]:
        """Predict a chunk: intensity (position, ky, kx), far field, and the two pullbacks."""
        incident, incident_back = incident_waves(self.spectrum, self.ramps[part])
        patches = [
            take_patches(self.transmission[:, index], self.corners[part], self.problem.size)[:, :, None]
            for index in range(self.transmission.shape[1])
        ]
        far, back = far_field(incident[:, None], patches, self.problem.propagator)
        return _power(far), far, back, incident_back

    def lane(self, indices: Indices) -> _Share:
        """Evaluate the positions of one lane, chunk by chunk."""
        corners = self.corners[indices]
        first, last = corners.min(axis=0), corners.max(axis=0) + self.problem.size
        window = slice(first[0], last[0]), slice(first[1], last[1])
        share = self._empty(indices, window)
        for rows in chunks(np.arange(len(indices)), self.problem.chunk):
            self._chunk(share, rows, corners[rows] - first)
        return share

    def _chunk(self, share: _Share, rows: Indices, corners: Indices) -> None:
        """Add one chunk to the lane's share."""
        assert self.loss is not None
        problem, part = self.problem, share.indices[rows]
        intensity, far, back, incident_back = self.intensity(part)
        predicted, measured = problem.detector.crop(intensity), problem.electrons(part)
        values, slope = self.loss.terms(predicted, measured, problem.weight)
        share.value += float(values.sum())
        if not self.refined:
            return
        slope *= 2  # dI = 2 Re(conj(Ψ)·dΨ)
        far *= problem.detector.embed(slope)[:, None, None]
        entrance = back(
            far, (lambda s, g: add_patches(share.object[:, s], corners, g)) if self.wants_object else None
        )
        if self.wants_incident:
            spectrum, shifts = incident_back(entrance, "positions" in self.refined)
            share.spectrum += spectrum
            if shifts is not None:
                share.shifts[rows] = shifts

    @property
    def wants_object(self) -> bool:
        return "object" in self.refined or "displacement" in self.refined

    @property
    def wants_incident(self) -> bool:
        return "probe" in self.refined or "positions" in self.refined

    def _empty(self, indices: Indices, window: tuple[slice, slice]) -> _Share:
        xp = namespace(self.transmission)
        shape = tuple(part.stop - part.start for part in window) if self.wants_object else (0, 0)
        gradient = xp.zeros((*self.transmission.shape[:2], *shape), self.transmission.dtype)
        shifts = xp.zeros((len(indices), 2), self.spectrum.real.dtype)
        return _Share(indices, window, 0.0, gradient, xp.zeros_like(self.spectrum), shifts)

    def sum(self, shares: list[_Share], factor: float) -> tuple[float, dict[str, Array]]:
        """Add the lanes in order and finish the gradients of the refined unknowns."""
        gradient: dict[str, Array] = {}
        if self.wants_object:
            whole = namespace(self.transmission).zeros_like(self.transmission)
            for share in shares:
                whole[(..., *share.window)] += share.object
            whole *= factor
            parts = self.object_pullback(whole)
            gradient |= {name: part for name, part in parts.items() if name in self.refined}
        if "probe" in self.refined:
            spectrum = sum(share.spectrum for share in shares)
            # The adjoint of the unscaled forward transform is the unscaled inverse one.
            gradient["probe"] = ifft2(spectrum * (factor * self.problem.size**2))
        if "positions" in self.refined:
            gradient["positions"] = np.zeros((len(self.corners), 2))
            for share in shares:
                gradient["positions"][share.indices] = asnumpy(share.shifts) * factor
        return sum(share.value for share in shares) * factor, gradient


def _power(far: Array) -> Array:
    """Return Σ |Ψ|² over states and modes: (position, ky, kx)."""
    waves = far.reshape(len(far), -1, *far.shape[-2:])
    power = waves[:, 0].real ** 2
    power += waves[:, 0].imag ** 2
    for index in range(1, waves.shape[1]):
        power += waves[:, index].real ** 2
        power += waves[:, index].imag ** 2
    return power
