"""``mixedptycho simulate``: a file that every other command takes."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from napari_mixedptycho.cli import main

SMALL = (
    "--device=cpu",
    "--scan-shape",
    "8",
    "8",
    "--set",
    "detector.size=32",
    "--set",
    "detector.max_angle=60.0",
    "--set",
    "specimen.snapshots=2",
    "--set",
    "threads=1",
)


def test_simulate_then_info_then_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, result = tmp_path / "silicon.h5", tmp_path / "result.h5"
    turned = ("--set", "scan.rotation=15")
    assert main(["simulate", "silicon", "--out", str(data), *SMALL, *turned]) == 0
    said = capsys.readouterr().out
    assert "8×8 patterns of 32×32 px" in said and "1e+06 e/Å²" in said
    assert main(["info", str(data), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["shape"] == [8, 8, 32, 32] and facts["missing"] == []
    assert facts["truth"]["snapshots"] == 2
    assert facts["dose"] == pytest.approx(1e6, rel=0.02)
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(f"[data]\nfile = {json.dumps(str(data))}\n[model]\nstates = 2\nslices = 2\n")
    short = [f"--set=stages.{name}.iterations=2" for name in ("rough", "pure", "moving")]
    assert main(["run", str(recipe), "--out", str(result), "--device=cpu", *short, "--quiet"]) == 0
    capsys.readouterr()
    assert main(["columns", str(result), "--json"]) == 0
    with h5py.File(data) as file:
        assert file["data"].attrs["scan_rotation_deg"] == 15
        assert (np.asarray(file["truth/atomic_numbers"]) == 14).all()


def test_what_was_simulated_can_be_simulated_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, again = tmp_path / "one.h5", tmp_path / "two.h5"
    assert main(["simulate", "hbn", "--out", str(data), *SMALL]) == 0
    options = ("--dose", "none", "--set", "specimen.motion.kind=frames", "--json", "--quiet")
    capsys.readouterr()
    assert main(["simulate", str(data), "--out", str(again), *SMALL, *options]) == 0
    numbers = json.loads(capsys.readouterr().out)
    assert numbers["dose"] is None and numbers["snapshots"] == 2
    with h5py.File(data) as first, h5py.File(again) as second:
        atoms, same = (np.asarray(file["truth/atoms_yxz"]) for file in (first, second))
        assert atoms[..., :2] == pytest.approx(same[..., :2], abs=1e-4)
        assert second["data"].dtype == np.float32


def test_settings_are_printed_and_read_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--print-settings", "--dose", "1e5", "--set", "beam.defocus=-80.0"]) == 0
    text = capsys.readouterr().out
    assert "dose = 100000.0 # " in text
    file = tmp_path / "wish.toml"
    file.write_text(text, encoding="utf-8")
    assert main(["simulate", "--settings", str(file), "--print-settings"]) == 0
    assert capsys.readouterr().out == text


def test_the_papers_case_in_small(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "paper.h5"
    small = ("--scan-shape", "2", "2", "--set", "detector.size=64", "--set", "specimen.snapshots=2")
    fast = ("--set", "accuracy.source_points=2", "--device=cpu", "--json", "--quiet")
    assert main(["simulate", "--like", "paper", "--out", str(out), *small, *fast]) == 0
    numbers = json.loads(capsys.readouterr().out)
    assert numbers["shape"] == [2, 2, 64, 64]
    assert main(["simulate", "--like", "paper", "--print-settings"]) == 0
    text = capsys.readouterr().out
    assert "shape = [98, 83]" in text and "size = 233" in text and "source_size = 0.2" in text


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "Name a structure"),
        (["gold"], "--out DATA.h5"),
        (["gold", "--out", "data.npy"], "ends with .h5"),
        (["gold", "--out", "data.h5", "--dose", "lots"], "--dose lots"),
        (["gold", "--out", "data.h5", "--set", "beam.doze=3"], "there is no 'doze'"),
        (["kryptonite", "--out", "data.h5"], "no built-in crystal"),
    ],
)
def test_what_is_wrong_is_said(
    options: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["simulate", *options]) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_there_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "data.h5"
    out.write_text("mine")
    assert main(["simulate", "gold", "--out", str(out)]) == 2
    assert "there already" in capsys.readouterr().err
    assert out.read_text() == "mine"
