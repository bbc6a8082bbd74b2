"""Columns of crystals, layers, vacancies and a boundary: all are found, nothing else, no lattice assumed.

The phase is that of simulated atoms in motion, band-limited as a reconstruction is, on its pixels, with noise
of the same band.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from napari_mixedptycho.analysis.columns import ColumnFinder, inside_scan, kept_numbers, proposed_radius
from napari_mixedptycho.simulate import SimulationSettings, open_structure, prepare_simulation
from napari_mixedptycho.simulate.potential import Layers

SAMPLING, PIXELS, CORNER, EDGE = 0.1875, 128, -4.0, 39 * 0.4
SCAN = np.array([[0.0, 0.0], [0.0, EDGE], [EDGE, 0.0], [EDGE, EDGE]])


def phase(name: str, *changes: str, limit: float = 1.4, noise: float = 0.0, seed: int = 0):
    """Return the mean phase (y, x) and the true columns (N, 2); `noise` ÷ the height of a column."""
    settings = SimulationSettings()
    for change in ("scan.shape=[40, 40]", "specimen.snapshots=6", f"seed={seed}", *changes):
        settings = settings.with_set(change)
    simulation = prepare_simulation(settings, open_structure(name))
    specimen, truth = simulation.specimen, simulation.dataset.truth
    layers = Layers(specimen.symbols, np.zeros(len(specimen.slices), np.int64), 1, 60e3, SAMPLING)
    clean = np.zeros((PIXELS, PIXELS))
    for atoms in specimen.snapshots[..., :2] - CORNER:
        inside = ((atoms >= 0) & (atoms < PIXELS * SAMPLING)).all(axis=1)
        clean += layers._phase(atoms[inside], specimen.symbols[inside], clean.shape)
    clean /= len(specimen.snapshots)
    k = np.fft.fftfreq(PIXELS, SAMPLING)
    band = k[:, None] ** 2 + k**2 < limit**2
    grain = np.random.default_rng(seed).standard_normal(clean.shape)
    clean, grain = (np.fft.ifft2(np.fft.fft2(image) * band).real for image in (clean, grain))
    height = np.percentile(clean, 99) - np.percentile(clean, 5)
    assert truth is not None
    return clean + noise * height * grain / grain.std(), truth.columns_mean


def missed_and_false(image, true, finder: ColumnFinder | None = None) -> tuple[int, int]:
    chosen = finder or ColumnFinder()
    found = chosen.find(image, SAMPLING, np.full(2, CORNER), SCAN)
    # At the margin itself noise decides whether a column lies inside.
    inner = true[inside_scan(true, SCAN, chosen.margin + 0.15)]
    assert len(inner) > 25
    missed = cKDTree(found).query(inner)[0] > 0.3
    return int(missed.sum()), int((cKDTree(true).query(found)[0] > 0.3).sum())


@pytest.mark.parametrize("noise", [0.0, 0.05, 0.1])
@pytest.mark.parametrize("name", ["silicon", "gold", "gallium-arsenide", "graphene", "hbn", "mos2"])
def test_crystals_and_layers(name: str, noise: float) -> None:
    assert missed_and_false(*phase(name, noise=noise)) == (0, 0)


@pytest.mark.parametrize("limit", [1.0, 1.78])
@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_the_boundary(limit: float, noise: float) -> None:
    image, true = phase("sample:si_sigma9", "specimen.motion.kind=frames", limit=limit, noise=noise)
    assert missed_and_false(image, true) == (0, 0)


@pytest.mark.parametrize("noise", [0.0, 0.05, 0.1])
@pytest.mark.parametrize("name", ["graphene", "hbn", "silicon"])
def test_a_vacancy_stays_empty(name: str, noise: float) -> None:
    image, true = phase(name, "specimen.missing=[[7.8, 7.8]]", noise=noise)
    _, whole = phase(name)
    assert len(whole) - len(true) == 1
    assert missed_and_false(image, true) == (0, 0)


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_light_columns_beside_heavy_ones_need_a_lower_threshold(noise: float) -> None:
    image, true = phase("strontium-titanate", noise=noise)
    missed, false = missed_and_false(image, true)
    assert missed > 10 and false == 0  # oxygen alone has a quarter of strontium's height
    assert missed_and_false(image, true, ColumnFinder(threshold=0.15)) == (0, 0)


@pytest.mark.parametrize("angle", [7.0, 33.0])
def test_it_does_not_matter_how_the_lattice_lies(angle: float) -> None:
    image, true = phase("hbn", f"specimen.rotation={angle}", noise=0.05)
    assert missed_and_false(image, true) == (0, 0)


@pytest.mark.parametrize(("name", "radius"), [("silicon", 0.407), ("gold", 0.61), ("graphene", 0.426)])
def test_the_window_is_proposed_from_the_neighbours(name: str, radius: float) -> None:
    _, true = phase(name, "specimen.motion.kind=still")
    assert proposed_radius(true) == pytest.approx(radius, abs=0.01)


def test_a_single_column_gets_the_usual_window() -> None:
    assert proposed_radius(np.zeros((1, 2))) == 0.4


def test_numbers_stay_when_columns_come_and_go() -> None:
    earlier = np.array([[0.0, 0.0], [0.0, 2.0], [2.0, 0.0], [2.0, 2.0]])
    later = np.array([[2.05, 0.03], [1.0, 1.0], [0.02, 2.1], [4.0, 4.0]])
    assert kept_numbers(later, earlier, [0, 1, 2, 7]) == (2, 8, 1, 9)
    assert kept_numbers(later[:1], np.zeros((0, 2)), []) == (0,)
    assert kept_numbers(np.zeros((0, 2)), earlier, [0, 1, 2, 3]) == ()
