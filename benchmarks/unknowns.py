"""Can each small unknown be found? From a wrong start, beside an unknown object and probe.

``python benchmarks/unknowns.py [NAME …]`` simulates a crystal of known atoms with one thing wrong about the
instrument, reconstructs it with and without refining that thing, and prints one row of docs/benchmarks.md:
error before and after, and both losses. The patterns are counted (1e6 e/Å² unless ``--dose`` says otherwise;
0: no noise).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.forward import Objective, predict
from napari_mixedptycho.engine.iterate import Start, iterate
from napari_mixedptycho.engine.losses import PoissonLoss
from napari_mixedptycho.engine.occupancy import occupancy
from napari_mixedptycho.engine.places import places
from napari_mixedptycho.geometry import Geometry
from napari_mixedptycho.guess.probe import AberrationProbe
from napari_mixedptycho.optics import ABERRATIONS, wavelength
from napari_mixedptycho.prepare import Prepared, prepare
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import reconstruct

PIXELS, SCAN, STEP, SAMPLING, SLICES = 48, 14, 0.5, 1 / 15, 4
THICKNESS, ENERGY, SEMIANGLE, DEFOCUS = 40.0, 80e3, 25.0, 60.0
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """One unknown: what is true, and what to refine.

    Attributes
    ----------
    truth
        From a random generator and the nominal estimate to the true one.
    error
        From a found estimate (or the nominal one) and the true one to the error, in `unit`.
    refine
        In the last stage, as in a recipe.
    settings
        Further ``--set`` of the recipe.
    known
        Start from the true object and probe, and refine nothing but this.
    """

    truth: Callable[[np.random.Generator, Estimate], Estimate]
    error: Callable[[Estimate, Estimate], float]
    unit: str
    refine: str
    settings: tuple[str, ...] = ()
    known: bool = False


def blank() -> Dataset:
    """Return a scan of which nothing is measured yet."""
    patterns = np.ones((SCAN, SCAN, PIXELS, PIXELS), np.float32)
    return Dataset(patterns, ENERGY, SEMIANGLE, STEP, SAMPLING, DEFOCUS, THICKNESS, name="simulated")


def recipe(case: Case, refine: str) -> Recipe:
    """Return the recipe: a rough object first, then everything."""
    chosen = Recipe().with_set("model.states=1").with_set(f"model.slices={SLICES}")
    probe = "" if "aberrations" in case.refine else '"probe",'
    stages = (
        f'[{{name="rough",iterations=20,refine=["object"{", " + probe[:-1] if probe else ""}]}},'
        f'{{name="all",iterations=80,refine=["object",{probe}{refine}],prior={{kind="atoms"}}}}]'
    )
    for change in ("model.padding=1.0", f"stages={stages}", *case.settings):
        chosen = chosen.with_set(change)
    return chosen


def crystal(prepared: Prepared, random: np.random.Generator) -> NDArray[np.float32]:
    """Return the phase (1, slice, y, x) of a square lattice of screened atoms, one per column and slice."""
    geometry: Geometry = prepared.geometry
    height, width = geometry.shape
    line = np.arange(-6.0, SCAN * STEP + 6.0, 2.0)
    y, x = np.meshgrid(line, line, indexing="ij")
    weights = random.uniform(0.6, 1.4, y.size)
    at = np.stack([y.ravel(), x.ravel()], axis=1) - np.array(geometry.origin)
    ky, kx = np.fft.fftfreq(height, geometry.sampling), np.fft.rfftfreq(width, geometry.sampling)
    atom = 0.3 * np.exp(-2 * np.pi**2 * 0.08**2 * (ky[:, None] ** 2 + kx**2))
    atom /= 1 + (ky[:, None] ** 2 + kx**2) / 0.5**2
    rows = weights * np.exp(-2j * np.pi * np.outer(ky, at[:, 0]))
    structure = rows @ np.exp(-2j * np.pi * np.outer(at[:, 1], kx))
    layer = np.fft.irfft2(structure * atom, s=geometry.shape) / geometry.sampling**2
    return np.repeat(layer[None, None], SLICES, axis=1).astype(np.float32)


def nominal(prepared: Prepared, random: np.random.Generator) -> Estimate:
    """Return the specimen and an instrument with nothing wrong."""
    wave = AberrationProbe().wave(prepared.dataset, prepared.geometry.size, prepared.geometry.sampling)
    positions = prepared.geometry.positions(prepared.dataset)
    return Estimate(crystal(prepared, random), wave[None].astype(np.complex64), positions)


def off(name: str, value: Any) -> Callable[[np.random.Generator, Estimate], Estimate]:
    """Return a truth in which one unknown has a value."""
    return lambda random, estimate: replace(estimate, **{name: np.asarray(value, float)})


def rms(name: str, none: Any, factor: float = 1.0) -> Callable[[Estimate, Estimate], float]:
    """Return the rms difference of one unknown; `none` stands for what is not there."""

    def error(found: Estimate, true: Estimate) -> float:
        there = getattr(found, name)
        there = np.asarray(none if there is None else there, float)
        sign = np.abs if name in ("source", "blur") else np.asarray
        return factor * float(np.sqrt(np.mean((sign(there) - getattr(true, name)) ** 2)))

    return error


def field_error(name: str, none: float) -> Callable[[Estimate, Estimate], float]:
    """Return the rms difference of what belongs to single positions, but for its mean."""

    def error(found: Estimate, true: Estimate) -> float:
        there = getattr(found, name)
        there = np.full_like(getattr(true, name), none) if there is None else there
        difference = there - getattr(true, name)
        return float(np.sqrt(((difference - difference.mean(axis=0)) ** 2).mean()))

    return error


def place_error(found: Estimate, true: Estimate) -> float:
    """Return the rms distance of the positions, Å, but for a common shift (the object's own place)."""
    difference = places(found)[0] - places(true)[0]
    pixel = 1.0 / (PIXELS * SAMPLING)
    return pixel * float(np.sqrt(((difference - difference.mean(axis=0)) ** 2).sum(axis=1).mean()))


def dark_error(found: Estimate, true: Estimate) -> float:
    """Return the rms error of the background outside the bright-field disk ÷ its rms there.

    Inside the disk a background is nearly the same as a specimen of less contrast in a weaker beam.
    """
    assert true.background is not None
    there = np.zeros_like(true.background) if found.background is None else found.background
    k = np.fft.fftfreq(PIXELS, 1 / PIXELS) * SAMPLING
    dark = np.hypot(k[:, None], k) > 1.3 * SEMIANGLE * 1e-3 / wavelength(ENERGY)
    return float(np.linalg.norm((there - true.background)[dark]) / np.linalg.norm(true.background[dark]))


def descan_error(found: Estimate, true: Estimate) -> float:
    """Return the rms error of the descan, px, but for a constant and the slope of a parabola.

    A pattern that shifts by A·r, with A symmetric, is what an object with the parabolic phase π·r·A·r and a
    probe with the opposite one give as well.
    """
    assert true.descan is not None
    there = np.zeros_like(true.descan) if found.descan is None else found.descan
    y, x = np.indices((SCAN, SCAN)).reshape(2, -1).astype(float)
    zero, one = np.zeros_like(y), np.ones_like(y)
    columns = [(one, zero), (zero, one), (y, zero), (zero, x), (x, y)]
    gauge = np.stack([np.concatenate(column) for column in columns], axis=1)
    difference = (there - true.descan).T.ravel()
    left = difference - gauge @ np.linalg.lstsq(gauge, difference, rcond=None)[0]
    return float(np.sqrt((left**2).mean()))


def jitter(random: np.random.Generator, estimate: Estimate) -> Estimate:
    """Let every position be off by 0.07 Å per axis, at random."""
    pixel = 1.0 / (PIXELS * SAMPLING)
    return replace(
        estimate, positions=estimate.positions + random.normal(0, 0.07, estimate.positions.shape) / pixel
    )


def drift(random: np.random.Generator, estimate: Estimate) -> Estimate:
    """Let positions wander by 0.15 Å, smoothly."""
    pixel = 1.0 / (PIXELS * SAMPLING)
    field = gaussian_filter(random.normal(size=(SCAN, SCAN, 2)), (3, 3, 0))
    field *= 0.15 / field.std() / pixel
    return replace(estimate, positions=estimate.positions + field.reshape(-1, 2))


def bent(random: np.random.Generator, estimate: Estimate) -> Estimate:
    """Bend the specimen: its tilt changes by ±12 mrad over the field."""
    y, x = np.meshgrid(*[np.linspace(-1, 1, SCAN)] * 2, indexing="ij")
    return replace(estimate, tilt=np.stack([4 + 12 * y, -3 + 12 * x * y], axis=-1).reshape(-1, 2))


def flicker(random: np.random.Generator, estimate: Estimate) -> Estimate:
    """Let the beam current flicker by 10 %."""
    current = 1 + random.normal(0, 0.1, SCAN**2)
    return replace(estimate, intensity=current / current.mean())


def slope(random: np.random.Generator, estimate: Estimate) -> Estimate:
    """Let patterns wander over the detector, by ±1.5 px and a little curvature."""
    y, x = np.meshgrid(*[np.linspace(-1, 1, SCAN)] * 2, indexing="ij")
    return replace(estimate, descan=np.stack([1.5 * y - 0.4 * x, x + 0.5 * x * y], axis=-1).reshape(-1, 2))


def haze(random: np.random.Generator, estimate: Estimate) -> Estimate:
    """Add a broad background that holds a twentieth of the electrons of a unit beam."""
    k = np.fft.fftfreq(PIXELS)
    cloud = np.exp(-(k[:, None] ** 2 + k**2) / (2 * 0.2**2))
    return replace(estimate, background=0.05 * cloud / cloud.sum())


def two_sites(random: np.random.Generator, estimate: Estimate) -> Estimate:
    """Let the crystal stand in two places 0.3 Å apart, in one of them three times as often."""
    pixel = 1.0 / (PIXELS * SAMPLING)
    spectrum = np.fft.rfft2(estimate.object[0])
    ky = np.fft.fftfreq(estimate.object.shape[-2])[:, None]
    sites = [
        np.fft.irfft2(spectrum * np.exp(-2j * np.pi * ky * s * 0.15 / pixel), s=estimate.object.shape[-2:])
        for s in (1, -1)
    ]
    stored = np.stack(sites).astype(np.float32)
    return replace(
        estimate, object=stored, probe=estimate.probe / np.sqrt(2), weights=np.log(np.array([1.75, 0.25]))
    )


def share_error(found: Estimate, true: Estimate) -> float:
    """Return the difference of the larger occupancy."""
    there = np.ones(2) if found.weights is None else occupancy(found.weights)
    assert true.weights is not None
    return float(abs(there.max() - occupancy(true.weights).max()))


def aberrations(**coefficients: float) -> list[float]:
    """Return all aberrations, Å."""
    return [coefficients.get(name, 0.0) for name in ABERRATIONS]


ALIKE = tuple(
    f'stages.{stage}.penalties=[{{kind="slice_similarity",weight=0.1}}]' for stage in ("rough", "all")
)
"""Slices that may differ as they like lean as the tilt does: only alike slices tell a tilt."""
ANGLE = np.radians(1.0)
CASES = {
    "positions": Case(jitter, place_error, "Å", '"positions"'),
    "drift": Case(drift, place_error, "Å", '{kind="positions",smooth=2.0}'),
    "scan": Case(
        off("scan", [[1.02 * np.cos(ANGLE), np.sin(ANGLE)], [-np.sin(ANGLE), 0.985 * np.cos(ANGLE)]]),
        place_error,
        "Å",
        '"scan"',
    ),
    "tilt": Case(off("tilt", [[8.0, -5.0]]), rms("tilt", 0.0), "mrad", '"tilt"', ALIKE),
    "bent": Case(bent, rms("tilt", 0.0), "mrad", '{kind="tilt",per_position=true,smooth=2.0}', ALIKE),
    "spacing": Case(
        off("spacing", [THICKNESS / SLICES]),
        rms("spacing", 0.8 * THICKNESS / SLICES),
        "Å",
        '"spacing"',
        (f"model.thickness={0.8 * THICKNESS}",),
    ),
    "defocus": Case(
        off("aberrations", aberrations(C10=-30.0, C12a=12.0, C12b=-8.0)),
        rms("aberrations", 0.0, np.sqrt(8)),
        "Å",
        '{kind="aberrations",terms=["C10","C12a","C12b"]}',
    ),
    "coma": Case(
        off("aberrations", aberrations(C21a=1500.0, C23b=-1000.0, C30=1e5)),
        rms("aberrations", 0.0, np.sqrt(8)),
        "Å",
        '"aberrations"',
    ),
    "source": Case(off("source", [0.3]), rms("source", 0.0), "Å", '"source"'),
    "intensity": Case(flicker, field_error("intensity", 1.0), "", '"intensity"'),
    "background": Case(haze, dark_error, "of itself, in the dark field", '"background"'),
    "blur": Case(off("blur", [0.8]), rms("blur", 0.0), "px", '"blur"'),
    "descan": Case(slope, descan_error, "px", '"descan"'),
    "weights": Case(
        two_sites,
        share_error,
        "of an equal share",
        '"weights"',
        ("model.states=2", "stages.rough.states=1"),
        known=True,
    ),
}


def simulate(case: Case, dose: float) -> tuple[Dataset, Estimate]:
    """Return the patterns and the truth, in units of the dose."""
    random = np.random.default_rng(7)
    settings = tuple(entry for entry in case.settings if "thickness" not in entry)
    prepared = prepare(recipe(replace(case, settings=settings), '"positions"'), blank())
    truth = case.truth(random, nominal(prepared, random))
    expected = np.fft.fftshift(predict(prepared.problem, truth, np.arange(SCAN**2)), axes=(-2, -1))
    expected = np.maximum(expected.reshape(SCAN, SCAN, PIXELS, PIXELS), 0)
    if not dose:
        return blank().replace(patterns=expected.astype(np.float32)), truth
    counts = random.poisson(expected * dose * STEP**2).astype(np.uint16)
    return blank().replace(patterns=counts, electrons_per_unit=1.0), truth


def row(name: str, dose: float) -> str:
    """Simulate and reconstruct; return the row of the table."""
    case = CASES[name]
    dataset, truth = simulate(case, dose)
    unit = dose * STEP**2 if dose else 1.0
    began = time.perf_counter()
    find = among_known if case.known else from_nothing
    (before, without), (after, loss) = (
        (case.error(scaled(estimate, unit), truth), value)
        for estimate, value in find(case, dataset, truth, unit)
    )
    seconds = time.perf_counter() - began
    return f"| {name} | {before:.3g} | {after:.2g} {case.unit} | {without:.3e} | {loss:.3e} | {seconds:.0f} |"


def scaled(estimate: Estimate, unit: float) -> Estimate:
    """Return the estimate with its background in the truth's unit."""
    return (
        estimate if estimate.background is None else replace(estimate, background=estimate.background / unit)
    )


def from_nothing(case: Case, dataset: Dataset, truth: Estimate, unit: float) -> list[tuple[Estimate, float]]:
    """Reconstruct object, probe and unknown; return estimate and loss without refining it, and with."""
    runs = [list(reconstruct(recipe(case, refine), dataset))[-1] for refine in ("", case.refine)]
    return [(run.result.estimate, run.loss) for run in runs]


def among_known(case: Case, dataset: Dataset, truth: Estimate, unit: float) -> list[tuple[Estimate, float]]:
    """Refine the unknown alone, beside the true object and probe."""
    chosen = recipe(case, case.refine)
    stage = chosen.stages[-1].model_copy(update={"refine": chosen.stages[-1].refine[2:], "prior": None})
    prepared = prepare(chosen, dataset)
    probe = (truth.probe * np.sqrt(unit)).astype(np.complex64)
    (unknown,) = stage.refine
    bare = replace(truth, probe=probe, **{unknown.kind: None})
    start = replace(bare, **{unknown.kind: unknown.begin(prepared.problem, bare)})
    steps = list(iterate(prepared.problem, stage, "phase", Start(start), 0))
    loss = Objective.of(prepared.problem, PoissonLoss())
    return [(e, loss.value_and_gradient(e, ())[0]) for e in (start, steps[-1].estimate)]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*CASES, []], metavar="NAME")
    parser.add_argument("--dose", type=float, default=1e6, help="electrons per Å²; 0: no noise")
    options = parser.parse_args()
    print("| unknown | error before | after | loss without | with | s |\n|---|---|---|---|---|---|")
    for name in options.names or CASES:
        print(row(name, options.dose), flush=True)


if __name__ == "__main__":
    main()
