"""Any earlier result can start a run: of another crop, padding, model, and of other programs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.forward import Objective, predict
from napari_mixedptycho.engine.losses import PoissonLoss
from napari_mixedptycho.engine.stage import Stage
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.optics import wavelength
from napari_mixedptycho.prepare import Prepared, first_estimate, for_stage, open_dataset, prepare
from napari_mixedptycho.result import Result
from napari_mixedptycho.warm_start import begin, carried, read_earlier
from napari_mixedptycho.warm_start.change import centred_background
from tests.exchange import programs
from tests.small import small, steps

PURE = ("model.states=1", "data.scan_region=[2,10,2,10]", 'stages=[{name="pure",iterations=8,states=1}]')


@pytest.fixture(scope="module")
def pure(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a result of a corner of the sample: one state, two slices."""
    path = tmp_path_factory.mktemp("pure") / "pure.h5"
    steps(small(*PURE))[-1].result.save(path)
    return path


def ready(*changes: str) -> Prepared:
    recipe = small(*PURE, *changes)
    return prepare(recipe, open_dataset(recipe))


def loss(prepared: Prepared, estimate: Estimate) -> float:
    return Objective.of(prepared.problem, PoissonLoss()).value_and_gradient(estimate, ())[0]


def losses(path: Path, *changes: str) -> tuple[float, float]:
    """Return the loss of a fresh start and of one from a result."""
    fresh, warm = ready(*changes), ready(*changes, f"guess.result={path}")
    states = warm.recipe.model.states
    return loss(fresh, first_estimate(fresh, states)), loss(warm, first_estimate(warm, states))


CHANGES = {
    "the same": (),
    "a part of the field": ("data.scan_region=[4,9,3,8]",),
    "another part of the field": ("data.scan_region=[5,13,4,12]",),
    "one point further": ("data.scan_region=[3,11,3,11]",),
    "a larger field": ("data.scan_region=[0,12,0,12]",),
    "no padding": ("model.padding=1.0",),
    "more padding": ("model.padding=2.0",),
    "one slice": ("model.slices=1",),
    "three slices": ("model.slices=3",),
    "five slices": ("model.slices=5",),
    "a complex object": ("model.object_type=complex",),
    "a potential": ("model.object_type=potential",),
    "two probe modes": ("model.probe_modes=2",),
    "all at once": ("data.scan_region=[3,11,3,11]", "model.padding=1.75", "model.slices=3"),
}


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES)
def test_a_warm_start_is_far_below_a_fresh_one(pure: Path, changes: tuple[str, ...]) -> None:
    fresh, warm = losses(pure, *changes)
    assert warm < 0.2 * fresh
    reached = Result.load(pure).history.loss[-1]
    assert warm < 1.5 * reached


@pytest.mark.parametrize("slices", [1, 3, 6])
def test_the_projection_is_that_of_the_result(pure: Path, slices: int) -> None:
    prepared = ready(f"guess.result={pure}", f"model.slices={slices}")
    found = first_estimate(prepared, 1).object.sum(axis=1)
    np.testing.assert_allclose(found, Result.load(pure).estimate.object.sum(axis=1), atol=1e-5)


def test_the_same_data_and_grid_change_nothing(pure: Path) -> None:
    estimate, result = first_estimate(ready(f"guess.result={pure}"), 1), Result.load(pure)
    for name in ("object", "probe", "positions"):
        np.testing.assert_array_equal(getattr(estimate, name), getattr(result.estimate, name))


def test_a_column_stays_where_it_is_in_another_part_of_the_field(pure: Path) -> None:
    """The mean phase of the overlap is the same image, shifted by what the scan was."""
    before, prepared = Result.load(pure), ready(f"guess.result={pure}", "data.scan_region=[5,13,4,12]")
    after = first_estimate(prepared, 1).object.sum(axis=1)[0]
    step, sampling = 0.4, prepared.geometry.sampling
    shift = np.array([3, 2]) * step / sampling
    inside = slice(60, 90)
    old = before.estimate.object.sum(axis=1)[0]
    y, x = np.mgrid[inside, inside]
    expected = map_coordinates(old, [y + shift[0], x + shift[1]], order=5)
    assert np.corrcoef(after[inside, inside].ravel(), expected.ravel())[0, 1] > 0.999


# --- states ---------------------------------------------------------------------------------------


def test_pure_becomes_mixed_at_a_chosen_displacement(pure: Path) -> None:
    prepared = ready(f"guess.result={pure}", "model.states=6", "guess.spread.displacement=0.08")
    moved = for_stage(prepared, None, Stage(refine=("object", "displacement")))  # type: ignore[arg-type]
    assert moved.displacement is not None
    rms = float(np.sqrt((moved.displacement**2).mean())) * prepared.geometry.sampling
    assert rms == pytest.approx(0.08, rel=0.01)
    np.testing.assert_allclose(moved.object, Result.load(pure).estimate.object, atol=1e-6)
    free = first_estimate(prepared, 6)
    assert free.states == 6
    assert free.object.std(axis=0).max() > 0.01
    np.testing.assert_allclose(free.object.mean(axis=0), moved.object[0], atol=1e-4)


# --- other programs -------------------------------------------------------------------------------


def exported(path: Path, result: Result, name: str) -> Path:
    """Write a result of ours as another program would, with an intensity unit of its own."""
    estimate, geometry = result.estimate, result.geometry
    size, sampling, spacing = geometry.size, geometry.sampling, geometry.slice_spacing
    corners = np.rint(estimate.positions).astype(int) - size // 2
    case = programs.Case(
        np.exp(1j * estimate.object.astype(np.float64)),
        3.7 * np.fft.ifftshift(estimate.probe, axes=(-2, -1)),
        corners,
        estimate.positions - corners - size // 2,
    )
    with pytest.MonkeyPatch.context() as patch:
        facts = {"EDGE": size, "SAMPLING": sampling, "SPACING": spacing, "ENERGY": 60e3}
        for key, value in {**facts, "WAVELENGTH": wavelength(60e3), "TILTS": np.zeros((1, 2))}.items():
            patch.setattr(programs, key, value)
        patch.setattr(programs, "SCAN", (len(corners), 1))
        programs.WRITERS[name](path, case)
    return path


@pytest.mark.parametrize("name", programs.WRITERS)
def test_a_result_of_another_program_starts_a_run(name: str, pure: Path, tmp_path: Path) -> None:
    result = Result.load(pure)
    path = exported(tmp_path / "theirs", result, name)
    fresh, warm = losses(path)
    # Another program's phases have no common zero and its electrons are not ours.
    assert warm == pytest.approx(result.history.loss[-1], rel=0.1)
    fresh, warm = losses(path, "model.padding=2.0", "model.slices=4", "model.states=3")
    assert warm < 0.5 * fresh


@pytest.mark.parametrize("name", ["phaser", "quantem"])
def test_a_part_of_another_programs_field_starts_a_run(name: str, pure: Path, tmp_path: Path) -> None:
    """Of another number of points only the whole scan's first one is known to both."""
    result = steps(small(*PURE, "data.scan_region=[0,8,0,8]"))[-1].result
    fresh, warm = losses(exported(tmp_path / "a", result, name), "data.scan_region=[1,7,2,8]")
    assert warm < 0.2 * fresh


def test_positions_that_do_not_follow_the_scan_are_refused(pure: Path, tmp_path: Path) -> None:
    result = Result.load(pure)
    turned = replace(result.estimate, positions=result.estimate.positions[::-1])
    path = exported(tmp_path / "a", result.replace(estimate=turned), "quantem")
    with pytest.raises(InputError, match="do not follow this scan"):
        losses(path)


def test_another_energy_is_refused(pure: Path) -> None:
    with pytest.raises(InputError, match="60 keV; these data are at 80 keV"):
        losses(pure, "microscope.energy=80000")


def test_a_file_that_is_no_result_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(InputError, match="no result that is known"):
        losses(tmp_path / "a.h5")


def test_a_damaged_file_is_refused_in_words(pure: Path, tmp_path: Path) -> None:
    content = pure.read_bytes()
    (tmp_path / "a.h5").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"a\.h5: .* cannot be read"):
        losses(tmp_path / "a.h5")


def test_what_is_known_of_the_instrument_is_kept(pure: Path, tmp_path: Path) -> None:
    result = Result.load(pure)
    extra = replace(
        result.estimate,
        aberrations=np.arange(8.0),
        spacing=np.array([3.0]),
        background=np.arange(64 * 64, dtype=np.float32).reshape(64, 64),
        tilt=np.ones((64, 2)),
        intensity=np.full(64, 1.1),
        weights=np.zeros(1),
    )
    result.replace(estimate=extra).save(tmp_path / "a.h5")
    warm = f"guess.result={tmp_path / 'a.h5'}"
    same = first_estimate(ready(warm), 1)
    for name in ("aberrations", "spacing", "background", "tilt", "intensity", "weights"):
        np.testing.assert_array_equal(getattr(same, name), getattr(extra, name))
    other = first_estimate(ready(warm, "data.scan_region=[2,9,2,9]", "model.slices=4", "model.states=2"), 2)
    np.testing.assert_array_equal(other.aberrations, extra.aberrations)
    assert other.spacing == pytest.approx(1.5)
    assert other.tilt is not None
    assert other.tilt.shape == (1, 2)
    assert other.intensity is None
    assert other.weights is None


@pytest.mark.parametrize("size", [4, 5, 8, 10, 11])
def test_a_background_keeps_its_centre_on_another_detector(size: int) -> None:
    for whole in (8, 9):
        image = np.fft.ifftshift(np.arange(whole * whole, dtype=np.float32).reshape(whole, whole))
        found = centred_background(image, size)
        assert found.shape == (size, size)
        assert found[0, 0] == image[0, 0]
        assert found[1, 0] == image[1, 0]
        assert found[0, -1] == image[0, -1]


# --- another grid of the same data ----------------------------------------------------------------


def test_an_estimate_predicts_the_same_on_a_finer_grid(pure: Path) -> None:
    coarse, fine = ready("model.padding=1.5"), ready("model.padding=2.0")
    estimate = first_estimate(ready(f"guess.result={pure}"), 1)
    smooth = np.array(estimate.object)
    grown = carried(replace(estimate, object=smooth), coarse.geometry, fine.geometry, 64)
    every = np.arange(coarse.problem.count)
    before, after = predict(coarse.problem, estimate, every), predict(fine.problem, grown, every)
    # What aliased on the coarse grid no longer does.
    assert np.linalg.norm(after - before) < 0.03 * np.linalg.norm(before)
    back = carried(grown, fine.geometry, coarse.geometry, 64)
    np.testing.assert_allclose(back.positions, estimate.positions, atol=1e-9)
    np.testing.assert_allclose(back.probe, estimate.probe, atol=1e-3 * np.abs(estimate.probe).max())
    assert carried(estimate, coarse.geometry, coarse.geometry, 64) is estimate


def test_displacements_keep_their_length_on_another_grid(pure: Path) -> None:
    old, new = ready("model.padding=1.5").geometry, ready("model.padding=2.0").geometry
    estimate = first_estimate(ready(f"guess.result={pure}"), 1)
    fields = np.full((2, 2, *old.shape), 0.5, np.float32)
    moved = carried(replace(estimate, displacement=fields), old, new, 64)
    assert moved.displacement is not None
    assert moved.displacement.shape == (2, 2, *new.shape)
    middle = moved.displacement[..., 60:80, 60:80] * new.sampling
    np.testing.assert_allclose(middle, 0.5 * old.sampling, rtol=1e-4)


def test_a_result_of_ours_is_told_from_others_by_its_content(pure: Path, tmp_path: Path) -> None:
    (tmp_path / "phaser.nxs").write_bytes(pure.read_bytes())
    earlier = read_earlier(tmp_path / "phaser.nxs")
    assert earlier.start is not None
    prepared = ready()
    estimate = begin(earlier, prepared.recipe, prepared.dataset, prepared.geometry)
    assert estimate.states == 1
