"""How accurate is the calibration? Simulated scans of which everything is drawn by lot.

``python benchmarks/calibration.py --cases 24`` draws crystal, energy, semi-angle, rotation, one of eight
detector orientations, descan, defocus (±300 Å), astigmatism, hot pixels, source size and dose (1e4 to 1e7
e/Å²), simulates the scan with this engine's forward model (three slices), calibrates it as
``mixedptycho calibrate`` does, and prints one row each and then the table of docs/calibration.md.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, shift

from napari_mixedptycho.calibrated import UNSURE, with_measured
from napari_mixedptycho.calibration import Calibration, calibrate
from napari_mixedptycho.dataset import Dataset, turning
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.forward import predict
from napari_mixedptycho.geometry import Geometry
from napari_mixedptycho.optics import focus_phase, wavelength
from napari_mixedptycho.orientation import Orientation
from napari_mixedptycho.prepare import Prepared, prepare
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.thumbnails import settled

PIXELS, SAMPLING, SLICES, HOT = 48, 1 / 24, 3, 4
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """What is true; Å, eV, mrad, degrees, px, electrons per Å²."""

    energy: float
    semiangle: float
    defocus: float
    rotation: float
    orientation: Orientation
    descan: Floats
    source: float
    dose: float
    spacing: float
    lattice: str
    thickness: float
    scan: int
    seed: int
    astigmatism: tuple[float, float]

    @property
    def step(self) -> float:
        """Between scan points: fine enough for all that the bright field holds."""
        return 0.24 * wavelength(self.energy) / (self.semiangle * 1e-3)


def drawn(seed: int, dose: float | None = None, scan: int = 40) -> Case:
    """Draw a case by lot."""
    random = np.random.default_rng(seed)
    energy, semiangle = ((60e3, 30.0), (80e3, 25.0), (200e3, 15.0), (300e3, 12.0))[random.integers(4)]
    flips = random.integers(0, 2, 3).astype(bool)
    return Case(
        energy=energy,
        semiangle=semiangle,
        defocus=float(random.uniform(-300, 300)),
        rotation=float(random.uniform(-44, 44)),
        orientation=Orientation(*(bool(flip) for flip in flips)),
        descan=random.uniform(-1.2, 1.2, (2, 2)) / scan,
        source=float(random.uniform(0, 0.4)),
        dose=dose or float(10 ** random.uniform(4, 7)),
        spacing=float(random.uniform(1.9, 3.2)),
        lattice=("square", "hexagonal", "amorphous")[random.integers(3)],
        thickness=float(random.uniform(5, 40)),
        scan=scan,
        seed=seed,
        astigmatism=(float(random.uniform(-25, 25)), float(random.uniform(-25, 25))),
    )


def blank(case: Case) -> Dataset:
    """Return a scan of which nothing is measured yet."""
    patterns = np.ones((case.scan, case.scan, PIXELS, PIXELS), np.float32)
    numbers = (case.energy, case.semiangle, case.step, SAMPLING, case.defocus, case.thickness)
    return Dataset(patterns, *numbers, scan_rotation=case.rotation, name="simulated")


def ready(case: Case) -> Prepared:
    """Return the grid to simulate on, with a detector that holds what is scattered further."""
    recipe = (
        Recipe().with_set("model.states=1").with_set(f"model.slices={SLICES}").with_set("model.padding=1.5")
    )
    return prepare(recipe, blank(case))


def specimen(case: Case, geometry: Geometry, random: np.random.Generator) -> NDArray[np.float32]:
    """Return the phase (1, slice, y, x) of a crystal or of atoms at random, rad."""
    height, width = geometry.shape
    size = np.array([height, width]) * geometry.sampling
    if case.lattice == "amorphous":
        places = random.uniform(0, 1, (int(size.prod() / 4.0), 2)) * size
    else:
        line = np.arange(-size.max(), size.max(), case.spacing)
        y, x = np.meshgrid(line, line, indexing="ij")
        if case.lattice == "hexagonal":
            x, y = x + 0.5 * case.spacing * (np.arange(len(line)) % 2)[:, None], y * np.sqrt(0.75)
        angle = random.uniform(0, np.pi)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        places = np.stack([y.ravel(), x.ravel()], axis=1) @ turn + size / 2
        places = places[((places > 0) & (places < size)).all(axis=1)]
    weights = random.uniform(0.7, 1.3, len(places)) * (1 if case.lattice == "amorphous" else 2) / SLICES
    ky, kx = np.fft.fftfreq(height, geometry.sampling), np.fft.rfftfreq(width, geometry.sampling)
    k2 = ky[:, None] ** 2 + kx**2
    rows = weights * np.exp(-2j * np.pi * np.outer(ky, places[:, 0]))
    structure = rows @ np.exp(-2j * np.pi * np.outer(places[:, 1], kx))
    atom = 0.16 * np.exp(-2 * np.pi**2 * 0.08**2 * k2) / (1 + k2 / 0.45**2)
    layer = np.fft.irfft2(structure * atom, s=geometry.shape) / geometry.sampling**2
    return np.repeat(layer[None, None], SLICES, axis=1).astype(np.float32)


def probe(case: Case, geometry: Geometry) -> NDArray[np.complex64]:
    """Return the probe (1, y, x), of which a pixel that the aperture's edge crosses is lit in proportion."""
    k = np.fft.fftfreq(geometry.size, geometry.sampling)
    square, wave = k[:, None] ** 2 + k**2, wavelength(case.energy)
    phase = focus_phase(geometry.size, geometry.sampling, wave, case.defocus, case.astigmatism)
    pixel, radius = 1 / (geometry.size * geometry.sampling), case.semiangle * 1e-3 / wave
    lit = np.clip((radius - np.sqrt(square)) / pixel + 0.5, 0, 1)
    psi = np.fft.fftshift(np.fft.ifft2(np.sqrt(lit) * np.exp(1j * phase)))
    found: NDArray[np.complex64] = (psi / np.linalg.norm(psi))[None].astype(np.complex64)
    return found


def simulate(case: Case) -> Dataset:
    """Return counted patterns as the microscope would store them."""
    random = np.random.default_rng(case.seed + 10_000)
    prepared = ready(case)
    geometry, count = prepared.geometry, case.scan
    place = np.indices((count, count)).reshape(2, -1).T - (count - 1) / 2
    wander = place @ case.descan.T + random.uniform(-1, 1, 2)
    positions = geometry.positions(prepared.dataset)
    estimate = Estimate(specimen(case, geometry, random), probe(case, geometry), positions)
    expected = np.fft.fftshift(predict(prepared.problem, estimate, np.arange(count**2)), axes=(-2, -1))
    # Shifted as intensities: pixels count what falls on them.
    moved = [shift(image, by, order=1) for image, by in zip(expected, wander, strict=True)]
    expected = np.maximum(np.stack(moved).reshape(count, count, PIXELS, PIXELS), 0)
    expected = gaussian_filter(expected, (case.source / case.step,) * 2 + (0, 0), mode="nearest")
    counts = random.poisson(expected * case.dose * case.step**2)
    bright = counts.mean() * 300 + 20
    for y, x in random.integers(2, PIXELS - 2, (HOT, 2)):
        counts[..., y, x] = random.poisson(bright, counts.shape[:2])
    stored = np.ascontiguousarray(case.orientation.undone(counts)).astype(np.uint16)
    return prepared.dataset.replace(patterns=stored, electrons_per_unit=1.0, mask=None)


@dataclass(frozen=True)
class Outcome:
    """What a calibration got wrong; `settled`: a quick reconstruction decided about 180°."""

    case: Case
    found: Calibration
    rotation: float
    right: bool
    radius: float
    defocus: float
    astigmatism: float
    settled: bool
    seconds: float

    @property
    def row(self) -> str:
        """For the table of single cases."""
        case, found = self.case, self.found
        assert found.sign is not None and found.defocus is not None and found.rotation is not None
        return (
            f"| {case.seed} | {case.lattice}, {case.energy / 1e3:.0f} kV, {case.thickness:.0f} Å "
            f"| {case.dose:.0e} "
            f"| {case.defocus:+.0f} | {self.rotation:+.2f} ± {found.rotation.error:.2f} "
            f"| {'yes' if self.right else 'NO'} ({found.sign.certainty:+.1f} σ{', settled' * self.settled}) "
            f"| {100 * self.radius:+.2f} | {self.defocus:+.1f} ± {found.defocus.error:.1f} "
            f"| {self.astigmatism:.1f} | {len(found.pixels.listed())} | {self.seconds:.0f} |"
        )

    @property
    def aims(self) -> bool:
        """Whether all of 0.5°, orientation, 0.3 %, and 10 Å or 5 % are met."""
        focus = abs(self.defocus) < max(10, 0.05 * abs(self.case.defocus))
        return self.right and abs(self.rotation) < 0.5 and abs(self.radius) < 3e-3 and focus


def calibration(case: Case, dataset: Dataset) -> tuple[Calibration, bool]:
    """Calibrate as the command does, and tell whether a quick reconstruction had to decide about 180°."""
    found = calibrate(dataset)
    if found.sign is None or abs(found.sign.certainty) >= UNSURE:
        return found, False
    return settled(with_measured(dataset, found), found)[0], True


def judged(case: Case, dataset: Dataset) -> Outcome:
    """Calibrate and compare with what is true."""
    began = time.perf_counter()
    found, decided = calibration(case, dataset)
    seconds = time.perf_counter() - began
    assert found.defocus is not None and found.rotation is not None and found.astigmatism is not None
    # Seen from the middle of the specimen; the last slice's exit is not propagated from.
    middle = case.defocus - case.thickness * (SLICES - 1) / SLICES / 2

    def whole(angle: float, orientation: Orientation) -> Floats:
        return turning(-angle) @ orientation.matrix

    one, other = whole(found.rotation.value, found.orientation), whole(case.rotation, case.orientation)
    same = one @ np.linalg.inv(other)
    angle = float(np.rad2deg(np.arctan2(same[1, 0], same[0, 0])))
    right = bool(np.linalg.det(same) > 0 and abs(angle) < 45)
    radius = case.semiangle * 1e-3 / wavelength(case.energy) / SAMPLING
    off = found.disk.radius.value / radius - 1
    # Near ±45° a quarter more or less is the same orientation, and takes C12 to −C12.
    quarter = -1 if (found.orientation.matrix[0] != case.orientation.matrix[0]).any() and right else 1
    pairs = zip(found.astigmatism, case.astigmatism, strict=True)
    astigmatism = float(np.hypot(*(quarter * f.value - t for f, t in pairs)))
    focus = found.defocus.value - middle
    return Outcome(case, found, (angle + 90) % 180 - 90, right, off, focus, astigmatism, decided, seconds)


def summary(outcomes: list[Outcome]) -> str:
    """Return the table by dose: median, 95th percentile and worst of the absolute errors."""
    lines = [
        "| dose, e/Å² | cases | orientation right | by quick look | rotation | radius | defocus "
        "| astigmatism | aims met |",
        "|---" * 9 + "|",
    ]
    for low, high in ((1e4, 1e5), (1e5, 1e6), (1e6, 1.1e7)):
        some = [outcome for outcome in outcomes if low <= outcome.case.dose < high]
        if not some:
            continue
        good = [o for o in some if o.right] or some
        names = (("rotation", 1, "°"), ("radius", 100, " %"), ("defocus", 1, " Å"), ("astigmatism", 1, " Å"))
        text = []
        for name, factor, unit in names:
            errors = factor * np.abs([getattr(o, name) for o in good])
            middle, most = np.percentile(errors, [50, 95])
            text.append(f"{middle:.2f}, {most:.2f} ({errors.max():.2f}){unit}")
        right, by_look = sum(o.right for o in some), sum(o.settled for o in some)
        lines.append(
            f"| {low:.0e} to {high:.0e} | {len(some)} | {right} | {by_look} | {' | '.join(text)} "
            f"| {sum(o.aims for o in some)} |"
        )
    return "\n".join(lines)


def outcome(seed: int, dose: float | None, scan: int) -> Outcome:
    """Draw, simulate and calibrate one case."""
    case = drawn(seed, dose, scan)
    found = judged(case, simulate(case))
    return replace(found, found=replace(found.found, stack=None, bands=None))  # light to send


def main() -> None:
    """Print the rows and the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=24)
    parser.add_argument("--first", type=int, default=0, help="seed of the first case")
    parser.add_argument("--dose", type=float, help="electrons per Å²; left out: drawn by lot")
    parser.add_argument("--scan", type=int, default=40, help="scan points along each axis")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    options = parser.parse_args()
    print(
        "| seed | specimen | dose | defocus | rotation | right | radius % | defocus error | astigmatism "
        "| hot | s |\n" + "|---" * 11 + "|"
    )
    seeds = range(options.first, options.first + options.cases)
    count = len(seeds)
    outcomes = []
    with ProcessPoolExecutor(options.jobs) as pool:
        for found in pool.map(outcome, seeds, [options.dose] * count, [options.scan] * count):
            outcomes.append(found)
            print(found.row, flush=True)
    print("\n" + summary(outcomes))


if __name__ == "__main__":
    main()
