"""The default recipe on crystals that it was not made with: other lattices, defoci, energies and doses.

``python benchmarks/structures.py`` simulates each case with this engine's own forward model, on a finer grid
and with more slices and snapshots than the reconstruction has, reconstructs it, and prints one row of
docs/benchmarks.md. Atoms move independently of each other here (Einstein), unlike those of the molecular
dynamics in the sample.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.analysis import compare, measure
from napari_mixedptycho.dataset import Dataset, Truth
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.forward import predict
from napari_mixedptycho.geometry import Geometry
from napari_mixedptycho.guess.probe import AberrationProbe
from napari_mixedptycho.prepare import prepare
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import reconstruct

PIXELS, SCAN, STEP, SAMPLING = 64, 22, 0.42, 1 / 18
THICKNESS, LAYERS = 10.0, (0, 2, 4)
"""Å, and the slices (of five) that hold one atom of each column."""
SNAPSHOTS = 32
HEADER = ("case", "columns", "sd y", "sd x", "true y", "true x", "ratio", "error", "s")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """A crystal and a microscope; Å, eV, mrad, electrons per Å²; `motion` is that of a column, per axis."""

    lattice: str
    spacing: float
    motion: float
    defocus: float
    energy: float
    semiangle: float
    dose: float
    seed: int

    @property
    def name(self) -> str:
        """What to call it in the table."""
        return (
            f"{self.lattice} {self.spacing} Å, {self.defocus:+.0f} Å, {self.energy / 1e3:.0f} kV, "
            f"{self.semiangle:.0f} mrad, {self.dose:.0e} e/Å²"
        )


CASES = tuple(
    Case(lattice, spacing, motion, *microscope)
    for lattice, spacing, moving, microscope in (
        ("square", 2.2, 0.06, (-80.0, 80e3, 25.0, 1e6, 1)),
        ("hexagonal", 1.6, 0.05, (120.0, 60e3, 30.0, 3e5, 2)),
    )
    for motion in (moving, 0.0)
)


def columns(case: Case, extent: float) -> Floats:
    """Return the columns (N, 2), turned by 17° and a few Å beyond the scan, Å."""
    line = np.arange(-8.0, extent + 8.0, case.spacing)
    y, x = np.meshgrid(line, line, indexing="ij")
    if case.lattice == "hexagonal":
        x = x + 0.5 * case.spacing * (np.arange(len(line)) % 2)[:, None]
    angle = np.deg2rad(17.0)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = (np.stack([y.ravel(), x.ravel()], axis=1) - extent / 2) @ turn + extent / 2
    return points[((points > -4.5) & (points < extent + 4.5)).all(axis=1)]


def draw(places: Floats, weights: Floats, geometry: Geometry) -> Floats:
    """Return the phase (y, x) of one layer of atoms, rad: screened Coulomb potentials."""
    height, width = geometry.shape
    ky, kx = np.fft.fftfreq(height, geometry.sampling), np.fft.rfftfreq(width, geometry.sampling)
    k2 = ky[:, None] ** 2 + kx**2
    at = places - np.array(geometry.origin)
    rows = weights * np.exp(-2j * np.pi * np.outer(ky, at[:, 0]))
    structure = rows @ np.exp(-2j * np.pi * np.outer(at[:, 1], kx))
    atom = 0.16 * np.exp(-2 * np.pi**2 * 0.06**2 * k2) / (1 + k2 / 0.45**2)
    return np.asarray(np.fft.irfft2(structure * atom, s=geometry.shape) / geometry.sampling**2)


def simulate(case: Case) -> Dataset:
    """Return counted patterns with their truth."""
    random = np.random.default_rng(case.seed)
    patterns = np.ones((SCAN, SCAN, PIXELS, PIXELS), np.float32)
    microscope = (case.energy, case.semiangle, STEP, SAMPLING, case.defocus, THICKNESS)
    blank = Dataset(patterns, *microscope, name=case.lattice)
    recipe = Recipe().with_set("model.slices=5").with_set("model.states=1").with_set("model.padding=2.0")
    prepared = prepare(recipe, blank)
    geometry, extent = prepared.geometry, (SCAN - 1) * STEP
    still = columns(case, extent)
    weights = random.uniform(0.7, 1.3, len(still))
    snapshots = SNAPSHOTS if case.motion else 1
    # A column of three atoms that move independently moves less than each by √3.
    moves = random.normal(0.0, case.motion * np.sqrt(3), (snapshots, len(LAYERS), len(still), 2))
    phases = np.zeros((snapshots, 5, *geometry.shape), np.float32)
    for snapshot, layer in np.ndindex(moves.shape[:2]):
        phases[snapshot, LAYERS[layer]] = draw(still + moves[snapshot, layer], weights, geometry)
    probe = AberrationProbe().wave(blank, geometry.size, geometry.sampling)[None] / np.sqrt(snapshots)
    estimate = Estimate(phases, probe.astype(np.complex64), geometry.positions(blank))
    expected = np.fft.fftshift(predict(prepared.problem, estimate, np.arange(SCAN**2)), axes=(-2, -1))
    counts = random.poisson(expected.reshape(patterns.shape) * case.dose * STEP**2).astype(np.uint16)
    places = still + moves
    depths = np.broadcast_to(np.array(LAYERS)[:, None, None] * 2.0, (snapshots, *places.shape[1:3], 1))
    atoms = np.concatenate([places, depths], axis=-1).reshape(snapshots, -1, 3)
    inside = ((still > 0) & (still < extent)).all(axis=1)
    truth = Truth(places.mean(axis=(0, 1)), places.mean(axis=1), inside, atoms)
    return blank.replace(patterns=counts, electrons_per_unit=1.0, truth=truth)


def row(case: Case, changes: list[str]) -> str:
    """Simulate, reconstruct and compare; return the row."""
    recipe, dataset = Recipe(), simulate(case)
    for change in changes:
        recipe = recipe.with_set(change)
    began = time.perf_counter()
    result = list(reconstruct(recipe, dataset))[-1].result
    seconds = time.perf_counter() - began
    assert dataset.truth is not None
    found = compare(result, measure(result), dataset.truth)
    same = found.rendered
    ratio = "–" if same.sd_ratio is None else f"{same.sd_ratio:.2f}"
    motion = " | ".join(f"{sd:.4f}" for sd in (found.sd_y, found.sd_x, same.true_sd_y, same.true_sd_x))
    error = f"{same.mean_position_error:.4f}"
    return f"| {case.name} | {found.n_columns} | {motion} | {ratio} | {error} | {seconds:.0f} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", action="append", default=[], metavar="section.key=value")
    changes: list[str] = parser.parse_args().set
    print("| " + " | ".join(HEADER) + " |\n|" + "---|" * len(HEADER))
    for case in CASES:
        print(row(case, changes), flush=True)


if __name__ == "__main__":
    main()
