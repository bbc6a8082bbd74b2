"""Lanes to evaluate by kernels and by `View`: every kind of object, detector, pattern and unknown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.gpu.device import Device
from napari_mixedptycho.engine.gpu.fused import difference, run
from napari_mixedptycho.engine.losses import PoissonLoss
from napari_mixedptycho.engine.view import Share, View
from tests.physics.toys import Toy

POSITIONS = ("object", "probe", "positions")
EVERYTHING = (*POSITIONS, "tilt", "spacing", "intensity", "background", "blur", "weights", "aberrations")


DEFAULT = PoissonLoss()


@dataclass(frozen=True)
class Case:
    """A toy, how it is measured, and what is refined."""

    toy: Toy
    loss: Any = DEFAULT
    stored: str = "f4"
    refined: tuple[str, ...] = POSITIONS
    masked: bool = False
    deterministic: bool = False
    chunk: int = 3
    more: tuple[str, ...] = ()
    """Small unknowns that the estimate has."""

    def estimate(self) -> Estimate:
        toy, random = self.toy, np.random.default_rng(8)
        values = {
            "tilt": random.normal(0, 5, (toy.points, 2)),
            "spacing": np.array([3.3]),
            "intensity": 1 + 0.2 * random.normal(size=toy.points),
            "background": random.uniform(0, 0.05, (toy.detector,) * 2).astype(np.float32),
            "blur": np.array([0.6]),
            "weights": random.normal(size=toy.states),
            "aberrations": random.normal(0, 20, 8),
            "descan": random.normal(0, 0.3, (toy.points, 2)),
        }
        if "common tilt" in self.more:
            values["tilt"] = values["tilt"][:1]
        names = [name.removeprefix("common ") for name in self.more]
        return replace(toy.estimate(1), **{name: values[name] for name in names})

    def view(self) -> View:
        toy = self.toy
        problem = toy.problem(toy.estimate(0))
        measured, scale = problem.measured, 1.0
        if self.stored != "f4":
            scale = float(measured.max()) / 200
            measured = (measured / scale).round() if self.stored[0] == "u" else measured / scale
        weight = np.ones_like(problem.weight)
        if self.masked:
            weight = np.random.default_rng(2).integers(0, 2, weight.shape).astype(np.float32)
        problem = replace(
            problem,
            measured=measured.astype(self.stored),
            scale=scale,
            weight=weight,
            chunk=self.chunk,
            deterministic=self.deterministic,
        )
        return View.of(problem, self.estimate(), self.loss, self.refined)  # type: ignore[arg-type]


def evaluated(view: View, device: Device | None, indices: Any = None) -> Share:
    """Evaluate a lane on a device; None: as `View` does."""
    share = view.share(np.arange(view.problem.count) if indices is None else indices)
    if device is None:
        view.portable(share)
    else:
        run(view, share, device)
    return share


def doubled(view: View, case: Case) -> View:
    """Return the same in double precision."""
    problem, estimate = view.problem, case.estimate()
    problem = replace(
        problem, weight=problem.weight.astype("f8"), propagator=problem.propagator.astype("c16")
    )
    stored = estimate.object.astype("c16" if estimate.object.dtype.kind == "c" else "f8")
    estimate = replace(estimate, object=stored, probe=estimate.probe.astype("c16"))
    return View.of(problem, estimate, view.loss, tuple(view.refined))


def error(case: Case, device: Device, indices: Any = None) -> float:
    """Return the largest relative error of loss and gradients, by kernels, against double precision.

    Where few electrons are predicted and many seen, single precision costs `View` more than 1e-5 as well:
    then the error is given as a part of twice that, in units of 1e-5.
    """
    view = case.view()
    exact = evaluated(doubled(view, case), None, indices)
    allowed = 2 * difference(evaluated(view, None, indices), exact)
    return difference(evaluated(view, device, indices), exact) * min(1.0, 1e-5 / max(allowed, 1e-30))
