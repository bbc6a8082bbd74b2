"""Virtual images without a window: from coarse to fine, from memory, set right, turned."""

from __future__ import annotations

import numpy as np
import pytest
from pytest import MonkeyPatch

from napari_mixedptycho._napari import virtual
from napari_mixedptycho._napari.virtual import (
    COM_X,
    COM_Y,
    DPC,
    ICOM,
    KINDS,
    Kept,
    Ring,
    Scan,
    Shot,
    detector_of,
    shots,
)
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.imaging import BRIGHT, DARK
from napari_mixedptycho.io import load
from napari_mixedptycho.recipe import Recipe

SAMPLE = "sample:si_sigma9"


def rings(scan: Scan) -> dict[str, Ring]:
    return scan.rings(np.asarray(scan.patterns[:, :]).mean(axis=(0, 1)))


def last(scan: Scan, kind: str, detectors: dict[str, Ring] | None = None) -> Shot:
    *_, shot = shots(scan, kind, detectors or rings(scan), None, budget=None)
    return shot


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return load(SAMPLE)


@pytest.fixture
def scan(dataset: Dataset) -> Scan:
    return Scan.of(dataset, Recipe())


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_an_image_of_the_scan(kind: str, scan: Scan) -> None:
    shot = last(scan, kind)
    assert shot.image.shape == ((24, 24, 3) if kind == DPC else (24, 24))
    assert shot.done == shot.stride == 1
    assert np.ptp(shot.image) > 0
    assert shot.limits[0] < shot.limits[1]


def test_detectors_begin_at_the_disk(scan: Scan) -> None:
    found = rings(scan)
    assert found[BRIGHT].outer * scan.pixel == pytest.approx(30.0)
    assert found[DARK].inner * scan.pixel == pytest.approx(33.0)
    assert {detector_of(kind) for kind in (COM_Y, COM_X, DPC, ICOM)} == {COM_Y}


def test_an_image_is_the_sum_over_its_ring(scan: Scan, dataset: Dataset) -> None:
    ring = Ring(5.0, 9.5, (30.0, 35.5))
    y, x = np.mgrid[:64, :64]
    away = np.hypot(y - 30.0, x - 35.5)
    expected = dataset.values[..., (away >= 5.0) & (away < 9.5)].sum(axis=-1, dtype=np.float64)
    shot = last(scan, DARK, {**rings(scan), DARK: ring})
    np.testing.assert_allclose(shot.image, expected, rtol=1e-5)


def test_large_data_come_from_memory_first_and_then_finer(scan: Scan, monkeypatch: MonkeyPatch) -> None:
    monkeypatch.setattr(virtual, "KEPT", scan.nbytes // 16)
    kept = Kept.of(scan, lambda: None)
    assert kept.stride == 4
    assert kept.patterns.nbytes <= scan.nbytes // 15
    only = list(shots(scan, BRIGHT, rings(scan), kept, budget=0))
    assert [shot.stride for shot in only] == [4]
    *_, whole = shots(scan, BRIGHT, rings(scan), kept, budget=None)
    np.testing.assert_allclose(only[0].image, whole.image[::4, ::4], rtol=1e-6)
    assert whole.stride == 1


def test_all_that_is_kept_is_all_that_is_read(scan: Scan) -> None:
    kept = Kept.of(scan, lambda: None)
    assert kept.stride == 1
    assert [shot.done for shot in shots(scan, BRIGHT, rings(scan), kept)] == [1.0]


def test_the_detector_is_set_right_as_the_recipe_says(dataset: Dataset) -> None:
    askew = dataset.replace(patterns=np.roll(np.flip(dataset.values, -1), (3, -4), (-2, -1)))
    recipe = Recipe().with_set("data.flip_x=true").with_set("data.center=[35, 27]")
    right = Scan.of(askew, recipe)
    assert right.notes, "what was changed is told"
    straight, fixed = (last(s, COM_X).image for s in (Scan.of(dataset, Recipe()), right))
    assert np.corrcoef(straight.ravel(), fixed.ravel())[0, 1] > 0.98


def test_a_disk_that_lies_elsewhere_is_found(dataset: Dataset) -> None:
    askew = dataset.replace(patterns=np.roll(dataset.values, (3, -5), (-2, -1)))
    found = rings(Scan.of(askew, Recipe()))[BRIGHT]
    np.testing.assert_allclose(found.center, (35, 27), atol=0.05)


def test_what_is_not_known_has_no_unit_and_no_phase(scan: Scan) -> None:
    import dataclasses

    frame = dataclasses.replace(scan.frame, sampling=None, step=None)
    bare = dataclasses.replace(scan, frame=frame)
    assert not bare.calibrated
    assert (bare.pixel, bare.step) == (1.0, 1.0)
    assert "step 2" in bare.why_not(ICOM)
    assert not bare.why_not(COM_Y)
    assert last(bare, COM_Y).image.shape == (24, 24)


def test_a_turned_scan_lies_where_its_reconstruction_does(dataset: Dataset) -> None:
    from napari_mixedptycho.geometry import scan_corners

    recipe = Recipe().with_set("microscope.scan_rotation=30.0")
    (step, _), turn = Scan.of(dataset, recipe).place
    corners = np.array([[0, 0], [0, 23], [23, 23], [23, 0]]) * step @ turn.T
    np.testing.assert_allclose(corners, scan_corners((24, 24), 0.4, 30.0), atol=1e-9)
