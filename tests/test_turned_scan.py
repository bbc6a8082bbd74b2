"""A scan that is turned against the detector: all that is compared lies along the detector's axes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_mixedptycho.analysis import compare, measure
from napari_mixedptycho.dataset import Dataset, Truth
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.geometry import Geometry
from napari_mixedptycho.guess.resample import Grid
from napari_mixedptycho.preprocess import cut_scan, truth_in
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.result import History, Result
from napari_mixedptycho.warm_start import begin, scan_start
from napari_mixedptycho.warm_start.earlier import Earlier

ROTATION, STEP, SCAN, REGION = 25.0, 0.5, (20, 24), (2, 20, 4, 24)
POINTS = np.array([[5, 8], [9, 12], [16, 8], [8, 19], [15, 20], [13, 14]])
"""Scan points (row, column) at which the columns lie."""


def scan(rotation: float = ROTATION) -> Dataset:
    """Return a scan that knows its columns: each at a scan point, moving by a known amount."""
    places = POINTS * STEP + np.random.default_rng(0).normal(0, 0.06, (9, len(POINTS), 2))
    atoms = np.concatenate([places, np.ones((*places.shape[:2], 1))], axis=-1)
    truth = Truth(places.mean(axis=0), places, np.ones(len(POINTS), bool), atoms)
    patterns = np.ones((*SCAN, 16, 16), np.float32)
    return Dataset(patterns, 80e3, 25.0, STEP, 1 / 8, 0.0, 4.0, scan_rotation=rotation, truth=truth)


def wish(rotation: float = ROTATION) -> Recipe:
    chosen = Recipe()
    for change in (f"data.scan_region={list(REGION)}", "model.states=9", "model.slices=1"):
        chosen = chosen.with_set(change)
    return chosen.for_dataset(scan(rotation))


def reconstruction() -> Result:
    """Return what a perfect reconstruction of the region finds, drawn about the engine's own positions."""
    whole = scan()
    assert whole.truth is not None
    part = cut_scan(whole, REGION)
    geometry = Geometry.of(part, 40, 4.0)
    nominal = geometry.to_angstroms(geometry.positions(part)).reshape(*part.scan_shape, 2)
    inside = POINTS - np.array([REGION[0], REGION[2]])
    # Neighbouring scan points tell in which directions the scan ran.
    down, right = (nominal[1, 0] - nominal[0, 0]) / STEP, (nominal[0, 1] - nominal[0, 0]) / STEP
    moves = whole.truth.columns_per_snapshot - POINTS * STEP
    places = nominal[inside[:, 0], inside[:, 1]] + moves[..., :1] * down + moves[..., 1:] * right
    y, x = (
        o + geometry.sampling * np.arange(n) for o, n in zip(geometry.origin, geometry.shape, strict=True)
    )
    rows = np.exp(-((y - places[..., 0, None]) ** 2) / (2 * 0.28**2))
    phase = 0.8 * np.einsum("sny,snx->syx", rows, np.exp(-((x - places[..., 1, None]) ** 2) / (2 * 0.28**2)))
    probe = np.ones((1, 40, 40), np.complex64)
    estimate = Estimate(phase[:, None].astype(np.float32), probe, geometry.positions(part))
    return Result(wish(), estimate, geometry, History(), "turned", "0" * 16, part.scan_shape)


def test_columns_compare_with_the_truth() -> None:
    result, data = reconstruction(), scan()
    motion = measure(result)
    found = compare(result, motion, truth_in(data, REGION, result.recipe.microscope.scan_rotation))  # type: ignore[arg-type]
    assert (found.n_columns, found.n_missed, found.n_extra) == (len(POINTS), 0, 0)
    assert found.rendered.mean_position_error < 0.01
    assert np.abs(found.rendered.translation).max() < 0.01
    assert found.rendered.sd_correlation == pytest.approx(1, abs=0.02)
    # The data set says the same when the recipe does not.
    again, known = truth_in(data, REGION), truth_in(data, REGION, ROTATION)
    assert again is not None
    assert known is not None
    np.testing.assert_array_equal(again.atoms, known.atoms)
    np.testing.assert_allclose(again.columns_mean, again.columns_per_snapshot.mean(axis=0))
    straight = truth_in(data, REGION, 0.0)
    assert straight is not None
    assert np.abs(straight.columns_mean - again.columns_mean).max() > 1


def test_the_truth_of_a_data_set_lies_along_its_scan() -> None:
    data = scan()
    part, straight = cut_scan(data, REGION).truth, truth_in(data, REGION, 0.0)
    assert part is not None
    assert straight is not None
    np.testing.assert_array_equal(part.atoms, straight.atoms)
    assert truth_in(scan(0.0), None) is not None


def test_the_scanned_field_is_where_the_positions_are() -> None:
    result = reconstruction()
    points = result.geometry.to_angstroms(result.estimate.positions).reshape(*result.scan_shape, 2)
    corners = points[[0, 0, -1, -1], [0, -1, -1, 0]]
    np.testing.assert_allclose(result.scan_corners, corners, atol=1e-9)
    (top, left), (bottom, right) = result.scan_box
    flat = points.reshape(-1, 2)
    np.testing.assert_allclose(
        [[top, left], [bottom, right]], [flat.min(axis=0), flat.max(axis=0)], atol=1e-9
    )
    assert result.scan_extent == pytest.approx((bottom - top, right - left))
    assert left < -1  # this scan reaches to the left of its first point


def test_a_region_begins_where_its_first_point_is() -> None:
    data = scan()
    whole = Geometry.of(data, 40, 4.0)
    first = whole.to_angstroms(whole.positions(data)).reshape(*SCAN, 2)[REGION[0], REGION[2]]
    np.testing.assert_allclose(scan_start(wish()), first, atol=1e-9)
    np.testing.assert_allclose(scan_start(wish(0.0)), [1.0, 2.0])


def test_an_object_of_the_whole_scan_starts_a_region() -> None:
    """A bright spot at a scan point of the region comes to lie at that point's new position."""
    data, chosen = scan(), wish()
    part = cut_scan(data, REGION)
    old, new = Geometry.of(data, 40, 4.0), Geometry.of(part, 40, 4.0)
    index = 9 * SCAN[1] + 12
    place = old.positions(data)[index]
    y, x = np.indices(old.shape)
    spot = np.exp(-((y - place[0]) ** 2 + (x - place[1]) ** 2) / 18).astype(np.float32)[None, None]
    estimate = Estimate(spot, np.ones((1, 40, 40), np.complex64), old.positions(data))
    grid = Grid(old.shape, old.sampling, old.origin)
    expected = new.positions(part).reshape(*part.scan_shape, 2)[9 - REGION[0], 12 - REGION[2]]
    ours = Earlier("ours", estimate, grid, 4.0, 80e3, np.zeros(2))
    foreign = replace(ours, start=None)  # of another program: it has the positions of the whole scan
    for earlier in (ours, foreign):
        moved = begin(earlier, chosen, part, new).object[0, 0]
        peak = np.unravel_index(int(moved.argmax()), moved.shape)
        np.testing.assert_allclose(peak, expected, atol=1)
