"""What a run says before it begins: the loss it takes, and what may be wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.small import small, small_scan

Run = Callable[..., Any]


def scan(folder: Path, change: Callable[[Any], None], **numbers: float) -> Path:
    """Write a corner of the sample with other patterns; return its file."""
    path = small_scan(folder / "scan.h5", **numbers)
    with h5py.File(path, "r+") as file:
        patterns = file["data"][()]
        change(patterns)
        file["data"][...] = patterns
    return path


def written(folder: Path, data: Path, *changes: str) -> Path:
    recipe = folder / "recipe.toml"
    recipe.write_text(small("data.scan_region=none", f"data.file={data}", *changes).to_toml(), "utf-8")
    return recipe


def spoil(patterns: Any) -> None:
    patterns[2, 3] = 0
    patterns[..., 30, :] = 0


def test_the_loss_and_its_reason_are_said_once(run: Run, recipe: Path, tmp_path: Path) -> None:
    said = run("run", recipe, "--iterations", 1).err
    assert said.count("Loss: ") == 1
    assert "Loss: poisson, since the dose is known, and electrons" in said
    assert said.index("Loss: ") < said.index("s per iteration")
    unknown = written(tmp_path, scan(tmp_path, lambda _: None, electrons_per_pattern=np.nan))
    assert "Loss: poisson, since the dose is not known" in run("run", unknown, "--iterations", 1).err


def test_a_loss_that_was_asked_for_is_not_explained(run: Run, recipe: Path) -> None:
    chosen = [f"stages.{name}.loss.kind=amplitude" for name in ("pure", "mixed")]
    said = run("run", recipe, "--iterations", 1, "--set", chosen[0], "--set", chosen[1]).err
    assert "Loss: " not in said
    assert run("run", recipe, "--iterations", 1, "--set", chosen[0]).err.count("Loss: poisson") == 1


def test_doubts_are_told_and_the_run_goes_on(run: Run, tmp_path: Path) -> None:
    wish = written(tmp_path, scan(tmp_path, spoil))
    ran = run("run", wish, "--iterations", 1)
    assert ran.code == 0, ran.err
    assert ran.err.count("Warning: ") == 2
    assert "1 of 36 patterns" in ran.err
    assert "row 30" in ran.err
    assert run("run", wish, "--iterations", 1, "--quiet").err == ""


def test_info_tells_the_same_without_a_recipe(run: Run, tmp_path: Path) -> None:
    path = scan(tmp_path, spoil)
    told = json.loads(run("info", path, "--json").out)["warnings"]
    assert len(told) == 2
    shown = run("info", path).out
    for text in told:
        assert "warning" in shown
        assert text in shown
    assert json.loads(run("info", "sample:si_sigma9", "--json").out)["warnings"] == []


def test_saturated_data_are_described_and_refused(run: Run, tmp_path: Path) -> None:
    path = small_scan(tmp_path / "scan.h5")
    with h5py.File(path, "r+") as file:
        patterns = np.minimum(file["data"][()] * 1e6, 255).astype(np.uint8)
        del file["data"]
        file["data"] = patterns
    assert "saturated" in run("info", path).out
    assert "saturated" in run("run", written(tmp_path, path), "--quiet").refused()
