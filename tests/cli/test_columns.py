from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from napari_mixedptycho.dataset import turning
from napari_mixedptycho.io import load, sample_path
from napari_mixedptycho.preprocess import truth_in
from napari_mixedptycho.result import Result
from tests.analysis import specimen
from tests.small import small, steps

Run = Callable[..., Any]
KEYS = {"n_columns", "sd_y", "sd_x"}
TRUE_KEYS = {"true_sd_y", "true_sd_x", "sd_ratio", "sd_correlation", "mean_position_error"}
REGION = "data.scan_region=[6,20,6,20]"


@pytest.fixture(scope="session")
def twelve() -> Result:
    """Return a short reconstruction of a region with several columns, away from the first scan point."""
    recipe = small(REGION, "stages.pure.iterations=5", "stages.mixed.iterations=2")
    return steps(recipe)[-1].result


@pytest.fixture
def path(twelve: Result, tmp_path: Path) -> Path:
    twelve.save(tmp_path / "r.h5")
    return tmp_path / "r.h5"


def test_simulated_data_are_compared_with_their_truth(run: Run, path: Path) -> None:
    found = json.loads(run("columns", path, "--json").out)
    assert set(found) >= KEYS | TRUE_KEYS
    assert found["n_columns"] >= 2
    assert found["sd_y"] > 0
    assert found["true_sd_y"] == pytest.approx(0.055, abs=0.02)
    # The truth lies in the frame of the region and not in that of the whole scan.
    assert found["mean_position_error"] < 0.1
    assert 0 < found["energy_p"] <= 1
    assert found["covariance_distance"] > 0
    assert found["energy_distance"] >= found["motion_energy_distance"] > 0
    assert abs(found["translation_y"]) < 0.4


def test_the_truth_may_be_that_of_another_file(run: Run, path: Path) -> None:
    static = json.loads(run("columns", path, "--json", "--truth", "sample:si_sigma9_static").out)
    assert static["true_sd_y"] == 0
    assert static["sd_ratio"] is None
    named = json.loads(run("columns", path, "--json", "--truth", sample_path("si_sigma9")).out)
    assert named == json.loads(run("columns", path, "--json").out)


def test_without_truth_the_motion_stands_alone(run: Run, twelve: Result, tmp_path: Path) -> None:
    other = twelve.replace(recipe=twelve.recipe.with_set("data.file=/moved/away.h5"))
    other.save(tmp_path / "r.h5")
    found = json.loads(run("columns", tmp_path / "r.h5", "--json").out)
    assert set(found) >= KEYS
    assert not set(found) & TRUE_KEYS


def test_the_table_and_the_figures_are_written(run: Run, path: Path) -> None:
    shown = run("columns", path, "--out", path.parent / "out" / "deep")
    assert shown.code == 0, shown.err
    names = {file.name for file in (path.parent / "out" / "deep").iterdir()}
    assert names >= {"columns.csv", "columns.png", "mean_phase.png", "states.png", "loss.png"}
    with (path.parent / "out" / "deep" / "columns.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found = json.loads(run("columns", path, "--json").out)
    assert len(rows) >= found["n_columns"]
    assert "rms motion" in shown.out
    assert "The truth, for" in shown.out
    assert "covariances are" in shown.out
    assert {"energy_p", "covariance_distance (angstrom)"} <= set(rows[0])
    assert "B of an atom" not in shown.out


@pytest.mark.usefixtures("no_figures")
def test_b_factors_of_atoms_in_columns(run: Run, path: Path) -> None:
    found = json.loads(run("columns", path, "--json", "--atoms", 2).out)
    assert found["B_independent"] == pytest.approx(2 * found["B"])
    shown = run("columns", path, "--atoms", 2, "--out", path.parent / "out")
    assert f"{found['B']:.2f} Å² if the 2 atoms of a column move as one" in shown.out
    with (path.parent / "out" / "columns.csv").open(encoding="utf-8") as file:
        row = next(csv.DictReader(file))
    expected = 2 * float(row["B (angstrom^2)"])
    assert float(row["B_independent (angstrom^2)"]) == pytest.approx(expected, rel=1e-4)


def test_a_field_without_columns_is_no_error(run: Run, made: Result, tmp_path: Path) -> None:
    flat = made.replace(estimate=replace(made.estimate, object=np.zeros_like(made.estimate.object)))
    flat.save(tmp_path / "r.h5")
    found = json.loads(run("columns", tmp_path / "r.h5", "--json").out)
    assert (found["n_columns"], found["sd_y"]) == (0, None)
    shown = run("columns", tmp_path / "r.h5")
    assert (shown.code, shown.out) == (0, "No columns were found inside the scanned field.\n")


def test_what_is_not_a_result_or_knows_no_truth_is_refused(run: Run, path: Path) -> None:
    assert "is not a result" in run("columns", sample_path("si_sigma9")).refused()
    assert "no such file" in run("columns", path.with_name("nothing.h5")).refused()
    with h5py.File(path.with_name("scan.h5"), "w") as file:
        file["data"] = np.ones((2, 2, 16, 16), np.uint16)
        file.attrs.update({"energy_eV": 60e3, "semiangle_mrad": 30.0, "scan_step_A": 0.4, "dk": 1 / 18})
    refused = run("columns", path, "--truth", path.with_name("scan.h5")).refused()
    assert "does not know the truth" in refused
    (path.parent / "file").write_text("")
    assert "cannot be written to" in run("columns", path, "--out", path.parent / "file" / "out").refused()


def test_a_truth_moves_into_the_frame_of_the_region() -> None:
    sample = load("sample:si_sigma9")
    truth, moved = sample.truth, truth_in(sample, (2, 20, 5, 22))
    assert truth is not None
    assert moved is not None
    np.testing.assert_allclose(truth.columns_mean - moved.columns_mean, [[0.8, 2.0]] * 62)
    np.testing.assert_allclose((truth.atoms - moved.atoms)[0, 0], [0.8, 2.0, 0.0])
    inside = moved.columns_mean[moved.columns_in_scan]
    assert len(inside)
    assert ((inside >= 0) & (inside <= np.array([17, 16]) * 0.4)).all()
    assert truth_in(sample, None) is truth


def test_what_does_not_resemble_the_truth_is_measured_all_the_same(
    run: Run, twelve: Result, tmp_path: Path
) -> None:
    origin = (twelve.origin[0] + 40, twelve.origin[1])  # Å: nothing of the truth is there
    twelve.replace(geometry=replace(twelve.geometry, origin=origin)).save(tmp_path / "r.h5")
    shown = run("columns", tmp_path / "r.h5", "--json")
    assert json.loads(shown.out)["n_columns"] >= 2
    assert "true_sd_y" not in json.loads(shown.out)
    assert "Not compared with the truth: " in shown.err
    assert "lies within" in run("columns", tmp_path / "r.h5", "--truth", "sample:si_sigma9").refused()


def test_a_trajectory_may_be_the_truth(
    run: Run, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ase", reason="ASE is not installed (extra structures)")
    moving, frames = specimen.moving(6), []
    for snapshot in moving @ turning(-25.0).T + 50.0:
        lines = [f"Si {x:.5f} {y:.5f} {z}" for y, x in snapshot for z in (0.0, 1.9)]
        frames.append(f"{len(lines)}\n\n" + "\n".join(lines) + "\n")
    file = tmp_path / "md.xyz"
    file.write_text("".join(frames))
    made = specimen.result(specimen.drawn(moving))
    monkeypatch.setattr(Result, "load", lambda file: made)
    found = run("columns", path, "--json", "--truth", file, "--species", "Si")
    assert found.code == 0, found.err
    assert "md is turned by 25." in found.err or "md is turned by 24." in found.err
    numbers = json.loads(found.out)
    assert (numbers["n_columns"], numbers["n_missed"], numbers["n_extra"]) == (12, 0, 0)
    assert numbers["sd_ratio"] == pytest.approx(1.0, abs=0.03)
    assert numbers["mean_position_error"] < 0.01
    assert "it has no Au" in run("columns", path, "--truth", file, "--species", "Au").refused()


def test_another_result_may_be_the_truth(run: Run, path: Path) -> None:
    found = json.loads(run("columns", path, "--json", "--truth", path).out)
    assert found["atoms_sd_ratio"] == pytest.approx(1.0)
    assert found["atoms_mean_position_error"] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.usefixtures("no_figures")
def test_columns_edited_by_hand_keep_their_numbers(run: Run, path: Path, tmp_path: Path) -> None:
    assert run("columns", path, "--out", tmp_path / "first").code == 0
    table = (tmp_path / "first" / "columns.csv").read_text(encoding="utf-8").splitlines()
    (tmp_path / "edited.csv").write_text("\n".join([table[0], *table[2:]]) + "\n", encoding="utf-8")
    assert run("columns", path, "--columns", tmp_path / "edited.csv", "--out", tmp_path / "second").code == 0
    with (tmp_path / "second" / "columns.csv").open(newline="", encoding="utf-8") as file:
        assert [row["id"] for row in csv.DictReader(file)] == [str(i) for i in range(1, len(table) - 1)]
    assert "cannot be read" in run("columns", path, "--columns", tmp_path / "none.csv").refused()


def test_window_and_finder_can_be_chosen(run: Run, path: Path) -> None:
    plain = json.loads(run("columns", path, "--json").out)
    wide = json.loads(run("columns", path, "--json", "--radius", "0.55").out)
    auto = json.loads(run("columns", path, "--json", "--radius", "auto").out)
    assert wide["sd_y"] != plain["sd_y"] != auto["sd_y"]
    few = json.loads(run("columns", path, "--json", "--set", "finder.margin=1.5").out)
    assert few["n_columns"] < plain["n_columns"]
    assert "--radius wide" in run("columns", path, "--radius", "wide").refused()
    assert "there is no 'treshold'" in run("columns", path, "--set", "finder.treshold=0.1").refused()
