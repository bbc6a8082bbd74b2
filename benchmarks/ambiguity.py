"""Which specimens, object types and models leave the states undecided: experiments on toys of known truth.

``python benchmarks/ambiguity.py`` prints the tables of docs/states.md: how far the patterns change when the
true states are mixed, how that change grows with the motion, and what reconstructions from different starts
agree on. States have no order, so only means and covariances over states are compared.
"""

from __future__ import annotations

import argparse
import functools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.analysis import measure_phases
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.forward import Objective, predict
from napari_mixedptycho.engine.iterate import Start, iterate
from napari_mixedptycho.engine.losses import AmplitudeLoss, PoissonLoss
from napari_mixedptycho.engine.objects import states
from napari_mixedptycho.engine.problem import Problem
from napari_mixedptycho.engine.stage import Stage
from napari_mixedptycho.geometry import Geometry
from napari_mixedptycho.guess.probe import AberrationProbe
from napari_mixedptycho.guess.states import DisplacedCopies
from napari_mixedptycho.prepare import prepare
from napari_mixedptycho.recipe import Recipe

PIXELS, SCAN, STEP, SAMPLING = 32, 10, 0.6, 0.1
ENERGY, SEMIANGLE, DEFOCUS, SPACING = 60e3, 30.0, 60.0, 1.8
STATES, MOTION, DOSE = 4, 0.06, 1e6
"""Snapshots in the truth, rms displacement of a column per axis (Å), electrons per Å² where counted."""

Array = NDArray[np.float64]
Waves = NDArray[np.complex128]
mixed = functools.partial(np.tensordot, axes=1)
"""``mixed(matrix, states)``: states (state, slice, y, x) mixed by a matrix."""


@dataclass(frozen=True)
class Toy:
    """A specimen whose states are known: columns that each state displaces, the same in all slices.

    Attributes
    ----------
    problem
        Its patterns without noise, in double precision.
    truth
        Phases (state, slice, y, x), the probe of one state, positions.
    geometry
        The grid.
    columns
        (N, 2) where the columns rest, Å.
    """

    problem: Problem
    truth: Estimate
    geometry: Geometry
    columns: Array

    @classmethod
    def of(cls, slices: int, thickness: float, motion: float = MOTION, seed: int = 0) -> Toy:
        """Make a specimen of `thickness` Å in `slices`, whose columns move by `motion` Å."""
        random = np.random.default_rng(seed)
        patterns = np.ones((SCAN, SCAN, PIXELS, PIXELS), np.float32)
        blank = Dataset(patterns, ENERGY, SEMIANGLE, STEP, SAMPLING, DEFOCUS, thickness)
        recipe = Recipe().with_set(f"model.slices={slices}").with_set(f"model.states={STATES}")
        prepared = prepare(recipe.with_set("model.padding=1.0").with_set("run.threads=1"), blank)
        geometry, extent = prepared.geometry, (SCAN - 1) * STEP
        line = np.arange(extent / 2 - 3 * SPACING, extent + 4 * SPACING, SPACING)
        still = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)
        moves = random.normal(size=(STATES, *still.shape))
        moves -= moves.mean(axis=0)
        moves *= motion / np.sqrt((moves**2).mean())
        phases = np.stack([_drawn(still + move, geometry) for move in moves])
        stored = np.repeat(phases[:, None] / slices, slices, axis=1)
        probe = AberrationProbe().wave(blank, geometry.size, geometry.sampling)[None] / np.sqrt(STATES)
        truth = Estimate(stored, probe.astype(complex), geometry.positions(blank))
        move = prepared.problem.propagator.astype(complex)
        weight = prepared.problem.weight.astype(float)
        problem = replace(prepared.problem, weight=weight, propagator=move / np.abs(move))
        problem = replace(problem, measured=predict(problem, truth, np.arange(problem.count)))
        inside = ((still > 0.6) & (still < extent - 0.6)).all(axis=1)
        return cls(problem, truth, geometry, still[inside])

    def loss(self, stored: Array | Waves) -> float:
        """Return the amplitude loss of states (state, slice, y, x): phases, rad, or transmissions."""
        objective = Objective.of(self.problem, AmplitudeLoss())
        return objective.value_and_gradient(replace(self.truth, object=stored), ())[0]

    @property
    def motionless(self) -> float:
        """Loss of the mean of the true phases: what motion is worth."""
        phases = self.truth.object
        return self.loss(np.broadcast_to(phases.mean(axis=0), phases.shape).copy())

    def positions(self, estimate: Estimate) -> Array:
        """Return where the columns are in each state: (state, N, 2), Å."""
        return measure_phases(
            projected(estimate), self.geometry.sampling, self.geometry.origin, self.columns
        ).positions


def _drawn(places: Array, geometry: Geometry) -> Array:
    """Return the projected phase (y, x) of columns of four light atoms at `places` (N, 2), rad."""
    ky, kx = (np.fft.fftfreq(edge, geometry.sampling) for edge in geometry.shape)
    at = places - np.array(geometry.origin)
    k2 = ky[:, None] ** 2 + kx**2
    structure = np.exp(-2j * np.pi * np.outer(ky, at[:, 0])) @ np.exp(-2j * np.pi * np.outer(at[:, 1], kx))
    atom = 4 * 0.16 * np.exp(-2 * np.pi**2 * 0.15**2 * k2) / (1 + k2 / 0.45**2)
    return np.asarray(np.fft.ifft2(structure * atom).real / geometry.sampling**2)


def projected(estimate: Estimate) -> Array:
    """Return the projected phase (state, y, x), rad; of a complex object without its free constant."""
    stored = states(estimate)
    if stored.dtype.kind != "c":
        return np.asarray(stored.sum(axis=1), dtype=np.float64)
    wave = stored.prod(axis=1)
    return np.angle(wave * np.conj(wave.mean(axis=(-2, -1), keepdims=True)))


def unitary(size: int, random: np.random.Generator) -> Waves:
    """Return a random unitary matrix (Haar)."""
    matrix = random.normal(size=(size, size)) + 1j * random.normal(size=(size, size))
    turned, upper = np.linalg.qr(matrix)
    return np.asarray(turned * (np.diag(upper) / np.abs(np.diag(upper))))


def turn_about_mean(size: int, random: np.random.Generator) -> Array:
    """Return a random rotation of `size` states that leaves their mean alone."""
    basis = np.linalg.qr(np.column_stack([np.ones(size), np.eye(size)[:, 1:]]))[0]
    inner = np.eye(size)
    inner[1:, 1:] = np.linalg.qr(random.normal(size=(size - 1, size - 1)))[0]
    return np.asarray(basis @ inner @ basis.T)


def _mixed_whole(phases: Array, random: np.random.Generator) -> Waves:
    """Mix the transmission of the whole specimen (state, slice, y, x) and put it into the first slice."""
    wave = np.ones(phases.shape, complex)
    wave[:, 0] = mixed(unitary(len(phases), random), np.exp(1j * phases.sum(axis=1)))
    return wave


def print_mixing(draws: int = 3) -> None:
    """Print how the loss rises when the true states are mixed, against that of one motionless object."""
    print("| slices | thickness (Å) | motionless | mixed | mixed, \\|O\\| = 1 | turned about the mean |")
    print("|---|---|---|---|---|---|")
    for slices, thickness in ((1, 5.0), (2, 5.0), (4, 5.0), (2, 20.0), (4, 20.0), (4, 80.0)):
        toy = Toy.of(slices, thickness)
        phases, random = toy.truth.object, np.random.default_rng(1)
        rows = []
        for _ in range(draws):
            whole = _mixed_whole(phases, random)
            turned = mixed(turn_about_mean(STATES, random), phases)
            rows.append([toy.loss(whole), toy.loss(np.angle(whole)), toy.loss(turned)])
        cells = " | ".join(f"{value:.1e}" for value in (toy.motionless, *np.mean(rows, axis=0)))
        print(f"| {slices} | {thickness:g} | {cells} |", flush=True)


def print_orders() -> None:
    """Print how the losses grow with the motion, thin specimen of one slice."""
    print("| motion (Å) | motionless | turned about the mean | mixed, \\|O\\| = 1 |")
    print("|---|---|---|---|")
    for motion in (0.015, 0.03, 0.06, 0.12):
        toy, random = Toy.of(1, 5.0, motion), np.random.default_rng(1)
        phases = toy.truth.object
        turned = toy.loss(mixed(turn_about_mean(STATES, random), phases))
        cut = toy.loss(np.angle(mixed(unitary(STATES, random), np.exp(1j * phases))))
        print(f"| {motion:g} | {toy.motionless:.1e} | {turned:.1e} | {cut:.1e} |", flush=True)


@dataclass(frozen=True)
class Case:
    """What is reconstructed, from what: a row of the table for each specimen."""

    kind: str
    slices: int
    thickness: float
    displaced: bool = False
    counted: bool = False
    prior: bool = False
    similar: bool = False

    @property
    def name(self) -> str:
        """What to call it in the table."""
        parts = ["displaced copies" if self.displaced else f"free, {self.kind}"]
        parts += ["1e6 e/Å²"] * self.counted + ["prior"] * self.prior + ["similar"] * self.similar
        return ", ".join(parts)


CASES = (
    *(
        Case(kind, slices, thickness, displaced)
        for slices, thickness in ((1, 5.0), (4, 20.0), (4, 80.0))
        for kind, displaced in (("complex", False), ("phase", False), ("phase", True))
    ),
    Case("potential", 1, 5.0),
    Case("complex", 1, 5.0, similar=True),
    *(
        Case("phase", 4, 20.0, displaced, True, prior)
        for displaced, prior in ((False, False), (False, True), (True, False), (True, True))
    ),
)


def starts(toy: Toy, case: Case) -> dict[str, Estimate]:
    """Return a start from above, one from below, and one from the true states, mixed where they may be."""
    mean, found = toy.truth.object.mean(axis=0, keepdims=True), {}
    for seed, (name, rms) in enumerate((("above", 0.1), ("below", 0.02))):
        spread, grid = DisplacedCopies(displacement=rms), (toy.geometry.sampling, toy.geometry.slice_spacing)
        if case.displaced:
            fields = spread.fields((STATES, 1, *toy.geometry.shape), *grid, seed)[:, :, 0]
            found[name] = replace(toy.truth, object=mean, displacement=fields.astype(float))
            continue
        copies = spread.states(mean.astype(np.float32), STATES, *grid, seed)
        found[name] = replace(toy.truth, object=_as(case.kind, copies.astype(float)))
    random = np.random.default_rng(1)
    if case.kind == "complex":
        found["mixed"] = replace(toy.truth, object=_mixed_whole(toy.truth.object, random))
    elif not case.displaced:
        turned = mixed(turn_about_mean(STATES, random), toy.truth.object)
        found["mixed"] = replace(toy.truth, object=_as(case.kind, turned))
    return found


def _as(kind: str, phases: Array) -> Array | Waves:
    """Return phases as an object of a kind."""
    return (
        np.exp(1j * phases) if kind == "complex" else np.maximum(phases, 0) if kind == "potential" else phases
    )


def reconstructed(toy: Toy, case: Case, start: Estimate, iterations: int) -> tuple[Estimate, float]:
    """Refine a start, the probe known; return what it becomes and its loss."""
    problem, loss = toy.problem, AmplitudeLoss()
    if case.counted:
        per_unit = DOSE * STEP**2 / float(problem.measured.sum(axis=(1, 2)).mean())
        counts = np.random.default_rng(7).poisson(problem.measured * per_unit)
        problem, loss = replace(problem, measured=counts, counted=True), PoissonLoss()
        start = replace(start, probe=start.probe * np.sqrt(per_unit))
    refine = ("object", "displacement") if case.displaced else ("object",)
    values: dict[str, Any] = {"iterations": iterations, "refine": refine, "loss": {"kind": loss.kind}}
    if case.prior:
        values["prior"] = {"kind": "atoms"}
    if case.similar:  # all differences between states cost a little: far less than motion is worth
        values["penalties"] = ({"kind": "state_similarity", "weight": 1e-3, "length": 0.0},)
    stage = Stage.model_validate(values)
    *_, last = iterate(problem, stage, case.kind, Start(start), 0)
    return last.estimate, last.loss


def covariance(positions: Array) -> Array:
    """Return the covariance over the states of all coordinates of all columns, from (state, N, 2), Å²."""
    moved = (positions - positions.mean(axis=0)).reshape(len(positions), -1)
    return moved.T @ moved / len(moved)


def print_starts(iterations: int) -> None:
    """Print what reconstructions from different starts find, and how far they agree."""
    print(
        "| slices | thickness (Å) | states | start | loss ÷ motionless | sd ÷ true | mean (Å) | covariance |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for case in CASES:
        toy = Toy.of(case.slices, case.thickness)
        true = toy.positions(toy.truth)
        expected = covariance(true)
        for name, start in starts(toy, case).items():
            estimate, loss = reconstructed(toy, case, start, iterations)
            places = toy.positions(estimate)
            spread = covariance(places)
            numbers = (
                "–" if case.counted else f"{loss / toy.motionless:.1e}",
                f"{np.sqrt(np.trace(spread) / np.trace(expected)):.2f}",
                f"{np.sqrt(((places.mean(axis=0) - true.mean(axis=0)) ** 2).mean()):.4f}",
                f"{np.linalg.norm(spread - expected) / np.linalg.norm(expected):.2f}",
            )
            row = (case.slices, f"{case.thickness:g}", case.name, name, *numbers)
            print("| " + " | ".join(str(cell) for cell in row) + " |", flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--iterations", type=int, default=150, help="of each reconstruction")
    iterations = parser.parse_args().iterations
    print_mixing()
    print()
    print_orders()
    print()
    print_starts(iterations)


if __name__ == "__main__":
    main()
