"""Preprocessing on the way from a recipe to a result."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from napari_mixedptycho.cli import main
from napari_mixedptycho.control import control_recipe, stationary
from napari_mixedptycho.engine.forward import predict
from napari_mixedptycho.io import load
from napari_mixedptycho.memory import estimate_memory
from napari_mixedptycho.prepare import apply_recipe, for_stage, prepare
from napari_mixedptycho.reconstruct import reconstruct
from napari_mixedptycho.result import Result
from napari_mixedptycho.stored import Stored
from tests.physics.toys import dataset, recipe
from tests.small import options, small, small_scan

THIN = ("data.scan_every=2", "data.detector_bin=2", "data.detector_crop=60", "data.scan_region=[0,11,1,11]")


def test_a_prepared_recipe_states_the_numbers_of_the_file() -> None:
    data = load("sample:si_sigma9")
    chosen = small(*THIN)
    prepared = prepare(chosen, data)
    assert prepared.dataset.scan_step == pytest.approx(2 * data.scan_step)
    assert prepared.dataset.detector_sampling == pytest.approx(2 * data.detector_sampling)
    assert prepared.recipe.microscope.scan_step == data.scan_step
    assert prepared.recipe.microscope.detector_sampling == data.detector_sampling
    again = prepare(prepared.recipe, data)
    assert again.recipe == prepared.recipe
    assert again.geometry == prepared.geometry
    assert again.dataset.hash == prepared.dataset.hash


def test_a_result_knows_its_scan_and_goes_on(tmp_path: Path) -> None:
    chosen = small(*THIN)
    progress = next(reconstruct(chosen))
    progress.result.save(tmp_path / "result.h5")
    result = Result.load(tmp_path / "result.h5")
    step = load("sample:si_sigma9").scan_step
    assert result.scan_shape == (6, 5)
    assert result.scan_step == pytest.approx(2 * step)
    assert result.scan_extent == pytest.approx((10 * step, 8 * step))
    assert [note.split()[0] for note in result.notes] == ["Scan", "One", "The", "2"]
    assert next(reconstruct(chosen, resume=result)).iteration == 2
    used = result.recipe.for_used(None)
    assert used.microscope.scan_step == pytest.approx(2 * step)
    assert used.data.scan_every == used.data.detector_bin == 1


def test_skipped_patterns_are_in_no_lane() -> None:
    data = dataset(scan=(6, 7))
    prepared = prepare(recipe(data={"skip_rows": "2", "skip_columns": "0", "hold_out": 3}), data)
    problem, skipped = prepared.problem, np.zeros((6, 7), bool)
    skipped[2] = skipped[:, 0] = True
    np.testing.assert_array_equal(problem.skipped, np.flatnonzero(skipped))
    fitted = np.sort(np.concatenate(problem.lanes))
    np.testing.assert_array_equal(fitted, problem.fitted)
    assert len(problem.held_out) > 0
    everything = np.sort(np.concatenate([fitted, problem.held_out, problem.skipped]))
    np.testing.assert_array_equal(everything, np.arange(42))


def test_what_skipped_patterns_hold_does_not_matter() -> None:
    data = load("sample:si_sigma9")
    chosen = small("data.scan_region=[0,8,0,8]", 'data.skip_rows="3"', "run.threads=1")
    spoilt = np.asarray(data.patterns[...]).astype(np.float32)
    clean = [step.loss for step in reconstruct(chosen, data.replace(patterns=spoilt.copy()))]
    spoilt[3] = np.nan
    assert [step.loss for step in reconstruct(chosen, data.replace(patterns=spoilt))] == clean


def test_the_half_pixel_of_a_bin_goes_into_the_model() -> None:
    # Nothing but the probe: a disk about the zero angle, each pixel lit by its share.
    size = 48
    k = (np.arange(size) - size // 2) / 14
    disk = np.clip((0.6165 - np.hypot(k[:, None], k)) * 14 + 0.5, 0, 1)
    patterns = np.broadcast_to(disk / disk.sum(), (2, 2, size, size)).astype(np.float32)
    data = dataset(patterns=patterns, detector_sampling=1 / 14, defocus=0.0)
    errors = {}
    for off in (-0.5, -0.25, 0.0, 0.25):
        prepared = prepare(recipe(data={"detector_bin": 2}, model={"slices": 1, "states": 1}), data)
        assert prepared.dataset.descan is not None
        assert prepared.dataset.descan[0].tolist() == [-0.25, -0.25]
        estimate = for_stage(prepared, None, prepared.recipe.stages[0])
        estimate = replace(estimate, object=0 * estimate.object, descan=np.full((4, 2), off))
        predicted = predict(prepared.problem, estimate, np.arange(4))
        errors[off] = float(np.abs(predicted - prepared.problem.electrons(np.arange(4))).sum())
    assert min(errors, key=errors.__getitem__) == -0.25
    assert errors[-0.25] < 0.85 * errors[0.0]


def test_memory_is_that_of_what_is_left() -> None:
    data = dataset(scan=(40, 40), size=32)
    whole = estimate_memory(recipe(), data).data
    part = estimate_memory(recipe(data={"scan_every": 2, "detector_bin": 2}), data).data
    assert part == pytest.approx(whole / 16, rel=0.1)
    patterns = Stored.of(data.patterns)
    kept = apply_recipe(recipe(data={"detector_bin": 2}), data.replace(patterns=patterns))
    assert isinstance(kept.patterns, Stored)


def test_a_run_tells_what_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = small_scan(tmp_path / "scan.h5")
    with h5py.File(path, "r+") as file:
        values = file["data"][()]
        values[..., 2, 3] += 4000
        del file["data"]
        file["data"] = values
    text = f'[data]\nfile = "{path}"\nskip_rows = "5"\ndetector_bin = 2\n'
    (tmp_path / "recipe.toml").write_text(text)
    changes = [word for word in options() if word != "--set" and "scan_region" not in word]
    words = [word for change in changes for word in ("--set", change)]
    assert main(["run", str(tmp_path / "recipe.toml"), *words]) == 0
    told = capsys.readouterr().err
    assert re.search(r"Data: Skipped: 6 of 36 patterns\.", told)
    assert "Data: 2 × 2 detector pixels are added up: 32 of 64 px" in told


def test_the_control_of_a_thinned_result_lies_on_the_same_grid() -> None:
    chosen = small(*THIN)
    last = list(reconstruct(chosen))[-1].result
    data = stationary(last)
    control = control_recipe(last.recipe)
    prepared = prepare(control, data)
    assert prepared.dataset.scan_step == pytest.approx(2 * load("sample:si_sigma9").scan_step)
    assert prepared.recipe.microscope.scan_step == prepared.dataset.scan_step
    assert prepared.geometry.shape == last.geometry.shape
    assert prepared.geometry.sampling == pytest.approx(last.geometry.sampling)
