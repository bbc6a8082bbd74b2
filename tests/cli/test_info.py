from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from napari_mixedptycho.result import Result
from tests.small import small, standard, steps

Run = Callable[..., Any]


def test_data_for_programs(run: Run) -> None:
    facts = json.loads(run("info", "sample:si_sigma9", "--json").out)
    assert facts["kind"] == "data"
    assert facts["shape"] == [24, 24, 64, 64]
    assert facts["dtype"] == "float32"
    assert (facts["energy"], facts["semiangle"], facts["scan_step"]) == (60e3, 30.0, 0.4)
    assert facts["wavelength"] == pytest.approx(0.048661, rel=1e-4)
    assert facts["max_angle"] == pytest.approx(86.5, rel=1e-3)
    assert facts["dose"] == pytest.approx(1e6, rel=2e-3)
    assert facts["electrons_per_pattern"] == pytest.approx(1.6e5, rel=2e-3)
    assert facts["missing"] == []
    assert facts["truth"] == {"columns": 62, "columns_in_scan": 15, "snapshots": 30}


def test_data_for_people(run: Run) -> None:
    shown = run("info", "sample:si_sigma9")
    assert (shown.code, shown.err) == (0, "")
    for text in (
        "24 × 24 points, 0.4 Å apart",
        "64 × 64 px",
        "60000 eV",
        "30 mrad",
        "per Å²",
        "30 snapshots",
    ):
        assert text in shown.out, text


def test_an_incomplete_file_is_described_with_what_is_missing(run: Run, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["data"] = np.ones((100, 2, 16, 16), np.float32)
        file.attrs["energy_eV"] = 80e3
    facts = json.loads(run("info", tmp_path / "scan.h5", "--json").out)
    assert facts["missing"] == ["semiangle", "scan_step", "detector_sampling"]
    assert (facts["semiangle"], facts["dose"], facts["truth"]) == (None, None, None)
    assert facts["mean_pattern_sum"] == 256
    assert facts["patterns_read"] < 200  # a large file is not read as a whole
    shown = run("info", tmp_path / "scan.h5").out
    assert "semiangle  not in the file" in shown
    assert "set them in the recipe" in shown


def test_what_stands_in_the_way_of_a_run_is_said_already_here(run: Run, tmp_path: Path) -> None:
    patterns = np.ones((2, 2, 16, 16), np.float32)
    patterns[1, 0, 3, 4] = np.nan
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["data"] = patterns
    shown = run("info", tmp_path / "scan.h5").out
    assert "not in the file: set model.thickness" in shown
    assert "patterns hold NaN" in shown


def test_displaced_copies_are_counted_as_states(run: Run, tmp_path: Path) -> None:
    steps(standard())[-1].result.save(tmp_path / "r.h5")
    facts = json.loads(run("info", tmp_path / "r.h5", "--json").out)
    assert (facts["states"], facts["displaced"], facts["shape"][0]) == (2, True, 2)
    assert "2 states" in run("info", tmp_path / "r.h5").out
    assert "displaced copies" in run("info", tmp_path / "r.h5").out


def test_what_was_found_of_the_instrument_is_told(run: Run, tmp_path: Path) -> None:
    recipe = small('stages.mixed.refine=["object","probe","source","spacing"]')
    steps(recipe)[-1].result.save(tmp_path / "r.h5")
    facts = json.loads(run("info", tmp_path / "r.h5", "--json").out)
    assert [text.split()[:2] for text in facts["found"]] == [["slice", "spacing"], ["source", "size"]]
    assert "Å (standard deviation)" in run("info", tmp_path / "r.h5").out


def test_another_dataset_is_chosen_by_its_key(run: Run) -> None:
    refused = run("info", "sample:si_sigma9", "--dataset", "truth/columns_per_snapshot").refused()
    assert "four axes" in refused


def test_a_result_for_programs(run: Run, saved: Path) -> None:
    facts = json.loads(run("info", saved, "--json").out)
    assert facts["kind"] == "result"
    assert (facts["states"], facts["slices"], facts["probe_modes"]) == (2, 2, 1)
    assert facts["shape"][:2] == [2, 2]
    assert facts["sampling"] == pytest.approx(0.1875)
    assert facts["slice_spacing"] == pytest.approx(3.84, rel=1e-3)
    assert (facts["iterations"], facts["iterations_wanted"], facts["complete"]) == (5, 5, True)
    assert facts["stages"][1] == {"name": "mixed", "iterations": 3, "done": 3, "states": 2}
    assert facts["loss"] > 0
    assert facts["semiangle"] == 30.0
    assert "numpy" in facts["versions"]


def test_a_result_for_people(run: Run, tmp_path: Path) -> None:
    half: Result = steps(small())[2].result
    half.save(tmp_path / "half.h5")
    shown = run("info", tmp_path / "half.h5").out
    for text in ("si_sigma9", "0.1875 Å per px", "pure 2 of 2, mixed 1 of 3", "go on with run --resume"):
        assert text in shown, text


def test_what_cannot_be_read_is_refused(run: Run, saved: Path) -> None:
    folder = saved.parent
    assert "no such file" in run("info", folder / "nothing.h5").refused()
    assert "this is a folder" in run("info", folder).refused()
    assert "no sample 'gold'" in run("info", "sample:gold").refused()
    (folder / "text.h5").write_text("text")
    assert "not a readable HDF5 file" in run("info", folder / "text.h5").refused()
    (folder / "cut.h5").write_bytes(saved.read_bytes()[:4000])
    assert "not a readable HDF5 file" in run("info", folder / "cut.h5").refused()
    with h5py.File(saved, "r+") as file:
        del file["estimate"]
    assert "the result cannot be read" in run("info", saved).refused()
