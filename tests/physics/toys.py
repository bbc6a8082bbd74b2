"""Tiny problems whose answer is known, in double precision."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.engine.detector import Detector
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.forward import Objective, predict
from napari_mixedptycho.engine.losses import AmplitudeLoss, IntensityLoss, PoissonLoss
from napari_mixedptycho.engine.problem import Problem, divide
from napari_mixedptycho.optics import parametric_probe, propagator
from napari_mixedptycho.recipe import Recipe

ENERGY = 60e3
SAMPLING = 0.3
SPACING = 3.0
LOSSES = [IntensityLoss(), AmplitudeLoss(), PoissonLoss()]


@dataclass(frozen=True)
class Toy:
    """Size of a problem: states, slices, modes, detector px (measured, computed), object type, precision."""

    states: int = 1
    slices: int = 1
    modes: int = 1
    detector: int = 12
    padded: int = 12
    kind: str = "phase"
    points: int = 5
    single: bool = False
    seed: int = 0

    @property
    def complexes(self) -> type:
        return np.complex64 if self.single else np.complex128

    @property
    def floats(self) -> type:
        return np.float32 if self.single else np.float64

    def estimate(self, seed: int) -> Estimate:
        """Draw an estimate: thick phases, crooked modes, positions a good way from half a pixel."""
        random = np.random.default_rng((self.seed, seed))
        edge = self.padded + 8
        shape = (self.states, self.slices, edge, edge + 2)
        stored = random.normal(0, 0.4, shape)
        if self.kind == "complex":
            stored = (1 + random.normal(0, 0.1, shape)) * np.exp(1j * stored)
        probe = parametric_probe(self.padded, SAMPLING, ENERGY, 30.0, 20.0)
        shape = (self.modes, self.padded, self.padded)
        rough = random.normal(size=shape) + 1j * random.normal(size=shape)
        modes = probe * (1 + 0.3 * rough) * 0.6 ** np.arange(self.modes)[:, None, None]
        # The places are the problem's, not the draw's: gradients are compared at one set of windows.
        places = np.random.default_rng(self.seed)
        corner = places.integers(2, 7, (self.points, 2))
        positions = corner + self.padded // 2 + places.uniform(-0.4, 0.4, (self.points, 2))
        precision = self.complexes if self.kind == "complex" else self.floats
        return Estimate(
            stored.astype(precision),
            (30 * modes / np.sqrt(self.states)).astype(self.complexes),
            positions,
        )

    def problem(self, truth: Estimate, **changes: Any) -> Problem:
        """Measure the truth, without noise."""
        empty = Problem(
            measured=np.zeros((self.points, self.detector, self.detector)),
            scale=1.0,
            weight=np.ones((self.detector, self.detector), self.floats),
            detector=Detector(self.detector, self.padded),
            propagator=propagator(self.padded, SAMPLING, ENERGY, SPACING).astype(self.complexes),
            lanes=divide(np.arange(self.points), 2),
            chunk=2,
        )
        measured = predict(empty, truth, np.arange(self.points)).astype(self.floats)
        return replace(empty, measured=measured, **changes)

    def objective(self, loss: Any, **changes: Any) -> Objective:
        """Return the objective whose lowest point is draw 0."""
        return Objective.of(self.problem(self.estimate(0), **changes), loss)


def random_like(array: Any, random: np.random.Generator) -> Any:
    """Return a unit-variance random array of the same shape and kind."""
    draw = random.normal(size=array.shape)
    if array.dtype.kind == "c":
        draw = draw + 1j * random.normal(size=array.shape)
    return draw.astype(array.dtype)


def inner(a: Any, b: Any) -> float:
    """Real inner product; complex numbers as pairs of reals."""
    return float(np.real(np.sum(np.conj(a) * b)))


def dataset(scan: tuple[int, int] = (4, 5), size: int = 16, **changes: Any) -> Dataset:
    """Return a featureless data set: a bright-field disk and nothing in the dark field."""
    numbers: dict[str, Any] = {
        "energy": ENERGY,
        "semiangle": 30.0,
        "scan_step": 0.4,
        "detector_sampling": 1 / 6,
        "defocus": 10.0,
        "thickness": 8.0,
        "sources": {"energy": "file", "semiangle": "file"},
    }
    numbers.update(changes)
    if "patterns" not in numbers:
        k = (np.arange(size) - size // 2) * numbers["detector_sampling"]
        disk = np.hypot(k[:, None], k) <= 0.6165  # 30 mrad at 60 kV
        numbers["patterns"] = np.broadcast_to(disk / disk.sum(), (*scan, size, size)).astype(np.float32)
    return Dataset(**numbers)


def recipe(**sections: dict[str, Any]) -> Recipe:
    """Return a recipe for one thread of the CPU, with some settings changed."""
    values = {"run": {"device": "cpu", "threads": 1}}
    for name, section in sections.items():
        values[name] = {**values.get(name, {}), **section} if isinstance(section, dict) else section
    return Recipe.parse(values)
