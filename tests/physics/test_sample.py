"""The conventions against data that were made elsewhere: abTEM's patterns, with their truth."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.engine.iterate import Start, iterate
from napari_mixedptycho.engine.stage import Stage
from napari_mixedptycho.io import load
from napari_mixedptycho.optics import parametric_probe, wavelength
from napari_mixedptycho.prepare import first_estimate, prepare
from tests.physics.toys import recipe


@pytest.fixture(scope="module")
def sample() -> Dataset:
    return load("sample:si_sigma9")


def deflection(patterns: np.ndarray) -> np.ndarray:
    """Centre of mass of each pattern: (2, scan_y, scan_x), px of the detector, towards +ky and +kx."""
    k = np.arange(patterns.shape[-1]) - patterns.shape[-1] // 2
    total = patterns.sum(axis=(-2, -1))
    return np.stack(
        [np.einsum("abyx,y->ab", patterns, k) / total, np.einsum("abyx,x->ab", patterns, k) / total]
    )


def attraction(patterns: np.ndarray, columns: np.ndarray, step: float) -> float:
    """Return how strongly the beam is drawn to columns: −div of the deflection, in standard deviations."""
    along_y, along_x = deflection(patterns)
    drawn = -(np.gradient(along_y, axis=0) + np.gradient(along_x, axis=1))
    places = columns[((columns > step) & (columns < (len(drawn) - 2) * step)).all(axis=1)]
    there = map_coordinates(drawn, places.T / step, order=1)
    return float((there.mean() - drawn.mean()) / drawn.std())


def test_the_beam_is_drawn_to_the_atoms(sample: Dataset) -> None:
    """Positive phase at atoms, +x to +kx, scan (y, x): a wrong sign or a transposed scan shows at once."""
    assert sample.truth is not None
    columns, step = sample.truth.columns_mean, sample.scan_step
    values = sample.values.astype(float)
    right = attraction(values, columns, step)
    assert right > 0.7
    assert attraction(values[:, :, ::-1, ::-1], columns, step) < -0.5
    assert attraction(values.swapaxes(0, 1), columns, step) < 0.5 * right
    assert attraction(values.swapaxes(2, 3), columns, step) < 0.5 * right


def test_a_short_reconstruction_fits_only_the_right_way_round(sample: Dataset) -> None:
    values = sample.values[4:14, 6:16]
    losses = {}
    for name, patterns in {"right": values, "transposed": values.swapaxes(0, 1)}.items():
        data = sample.replace(patterns=np.ascontiguousarray(patterns))
        prepared = prepare(recipe(model={"states": 1, "slices": 1, "padding": 1.0}), data)
        stage = Stage(iterations=8, refine=("object",))
        steps = list(iterate(prepared.problem, stage, "phase", Start(first_estimate(prepared, 1)), 0))
        losses[name] = steps[-1].loss / steps[0].loss
    assert losses["right"] < 0.7 * losses["transposed"]


def test_dose_of_the_sample(sample: Dataset) -> None:
    # 1e6 electrons per Å², of which a few per cent miss the detector.
    assert sample.dose == pytest.approx(1e6, rel=0.05)


@pytest.mark.parametrize("name", ["si_sigma9_tds.h5", "si_sigma9_medium_counts.h5"])
def test_probe_of_the_simulation_is_ours(shared_data: Path, name: str) -> None:
    with h5py.File(shared_data / name) as file:
        truth = file["truth/probe"][()]
        numbers = dict(file.attrs)
    size, sampling = len(truth), float(numbers["real_space_pixel_A"])
    assert wavelength(float(numbers["energy_eV"])) == pytest.approx(float(numbers["wavelength_A"]), rel=1e-5)
    # Simulated with amplitude in proportion to the fill of an edge pixel.
    likeness = {
        defocus: abs(np.vdot(parametric_probe(size, sampling, 60e3, 30.0, defocus), truth))
        for defocus in (50.0, 0.0, -50.0)
    }
    assert np.linalg.norm(truth) == pytest.approx(1, abs=1e-4)
    assert max(likeness[0.0], likeness[-50.0]) < 0.9
    assert likeness[50.0] > 0.999
