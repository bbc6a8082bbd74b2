"""Patterns of a turned scan on a turned detector reconstruct as well as straight ones, once that is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.forward import predict
from napari_mixedptycho.guess.probe import AberrationProbe
from napari_mixedptycho.orientation import Orientation
from napari_mixedptycho.prepare import apply_recipe, prepare
from napari_mixedptycho.preprocess import set_right, wander, with_descan
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import reconstruct
from napari_mixedptycho.stored import Stored

TURNED = Orientation(True, False, True)
SLOPE = (0.1, -0.05, 0.03, 0.08)


def recipe(*changes: str) -> Recipe:
    chosen = Recipe()
    stages = 'stages=[{name="one",iterations=12,states=1,loss={kind="amplitude"}}]'
    for change in (
        "model.slices=1",
        "model.states=1",
        "model.padding=1.0",
        "run.threads=1",
        stages,
        *changes,
    ):
        chosen = chosen.with_set(change)
    return chosen


def blank(rotation: float) -> Dataset:
    patterns = np.ones((7, 7, 32, 32), np.float32)
    return Dataset(patterns, 80e3, 25.0, 0.7, 1 / 14, 60.0, 4.0, scan_rotation=rotation, name="simulated")


def simulated(rotation: float, slope: tuple[float, float, float, float] | None = None) -> Dataset:
    """Return straight patterns of random atoms seen by a turned scan."""
    dataset = with_descan(blank(rotation), slope, (7, 7), None)
    prepared = prepare(recipe(), dataset)
    random, geometry = np.random.default_rng(3), prepared.geometry
    k2 = sum(k**2 for k in np.meshgrid(*[np.fft.fftfreq(n) for n in geometry.shape], indexing="ij"))
    atoms = random.random(geometry.shape) > 0.97
    phase = np.fft.ifft2(np.fft.fft2(atoms) * np.exp(-30 * k2)).real
    probe = AberrationProbe().wave(dataset, geometry.size, geometry.sampling)[None].astype(np.complex64)
    object_phase = (2 * phase).astype(np.float32)[None, None]
    estimate = Estimate(object_phase, probe, geometry.positions(dataset))
    estimate = replace(estimate, descan=wander(dataset))
    expected = np.fft.fftshift(predict(prepared.problem, estimate, np.arange(49)), axes=(-2, -1))
    return blank(0.0).replace(patterns=expected.reshape(7, 7, 32, 32).astype(np.float32))


def loss(dataset: Dataset, *changes: str) -> float:
    return list(reconstruct(recipe(*changes), dataset))[-1].loss


def test_a_turned_scan_on_a_turned_detector_with_descan() -> None:
    straight = loss(simulated(0.0))
    turned = simulated(30.0, SLOPE)
    stored = turned.replace(patterns=np.ascontiguousarray(TURNED.undone(turned.patterns)))
    said = ("data.transpose=true", "data.flip_x=true", f"data.descan={list(SLOPE)}")
    right = loss(stored, *said, "microscope.scan_rotation=30.0")
    assert right < 1.5 * straight
    for wrong in (
        (*said, "microscope.scan_rotation=-30.0"),
        (*said[1:], "microscope.scan_rotation=30.0"),
        (*said[:2], "microscope.scan_rotation=30.0"),
    ):
        assert loss(stored, *wrong) > 2 * right


def test_the_centre_moves_by_whole_pixels_and_the_rest_is_descan() -> None:
    dataset = blank(0.0)
    right = set_right(dataset, TURNED, (17.0, 14.25))
    assert right.mask is not None
    assert right.mask.sum() < 32 * 31
    place = wander(right)
    assert place is not None
    # Two whole pixels to the left; a quarter of a pixel to the right is left, along y once it is transposed.
    assert place[5] == pytest.approx(TURNED.matrix @ [0, 0.25])
    assert set_right(dataset, Orientation(), (16.0, 16.0)) is dataset


def test_descan_of_a_region_starts_where_the_region_does() -> None:
    whole = wander(with_descan(blank(0.0), SLOPE, (7, 7), None))
    part = blank(0.0).replace(patterns=np.ones((3, 4, 32, 32), np.float32))
    found = wander(with_descan(part, SLOPE, (7, 7), (2, 5, 1, 5)))
    assert whole is not None
    assert found is not None
    assert found.reshape(3, 4, 2) == pytest.approx(whole.reshape(7, 7, 2)[2:5, 1:5])
    assert whole.mean(axis=0) == pytest.approx(np.zeros(2))


def test_patterns_left_in_their_file_are_set_right_too() -> None:
    dataset = simulated(0.0)
    chosen = recipe("data.flip_y=true", "data.center=[15.0,17.0]", "data.scan_region=[1,4,2,6]")
    memory = apply_recipe(chosen, dataset)
    lazy = apply_recipe(chosen, dataset.replace(patterns=Stored.of(dataset.patterns)))
    assert np.array_equal(np.stack(list(lazy.rows)), memory.values)
