"""Files as people have them: incomplete, damaged, counted or not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from napari_mixedptycho.result import Result
from tests.small import small_scan, standard

Run = Callable[..., Any]


def awkward(path: Path, change: Callable[[Any], Any]) -> Path:
    """Write the recipe of a corner of the sample whose patterns were changed; return the recipe."""
    data = small_scan(path.with_suffix(".h5"))
    with h5py.File(data, "r+") as file:
        patterns = change(file["data"][()])
        del file["data"]
        file["data"] = patterns
    path.write_text(standard("data.scan_region=none", f"data.file={data}").to_toml(), encoding="utf-8")
    return path


def _with_one(value: float) -> Callable[[Any], Any]:
    def change(patterns: Any) -> Any:
        patterns[1, 2, 3, 4] = value
        return patterns

    return change


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (_with_one(np.nan), "NaN"),
        (_with_one(-1.0), "negative values"),
        (lambda patterns: patterns[0], "does not say the shape of the scan; set data.scan_shape"),
        (lambda patterns: patterns[..., :20], "larger than the detector"),  # the central 20 px are taken
        (lambda patterns: patterns.astype(np.complex64), "patterns need real numbers"),
        (lambda patterns: 0 * patterns, "all patterns are empty"),
    ],
)
def test_patterns_that_cannot_be_used_are_refused(
    run: Run, tmp_path: Path, change: Callable[[Any], Any], sentence: str
) -> None:
    ran = run("run", awkward(tmp_path / "r.toml", change), "--out", tmp_path / "new.h5", "--quiet")
    assert sentence in ran.refused()
    assert not (tmp_path / "new.h5").exists()


def test_counts_are_electrons_and_are_weighed_against_the_prior(run: Run, tmp_path: Path) -> None:
    counted = awkward(tmp_path / "r.toml", lambda patterns: np.rint(1.6e5 * patterns).astype(np.uint16))
    ran = run("run", counted, "--out", tmp_path / "new.h5")
    assert ran.code == 0, ran.err
    assert "dose is not known" not in ran.err
    result = Result.load(tmp_path / "new.h5")
    assert result.recipe.microscope.electrons_per_unit == 1.0
    assert "prior" in result.memory


def test_without_a_dose_the_prior_stands_back_and_that_is_said(run: Run, tmp_path: Path) -> None:
    data = small_scan(tmp_path / "scan.h5", electrons_per_pattern=np.nan)
    path = tmp_path / "r.toml"
    path.write_text(standard("data.scan_region=none", f"data.file={data}").to_toml(), encoding="utf-8")
    ran = run("run", path, "--out", tmp_path / "new.h5")
    assert ran.code == 0, ran.err
    assert "the prior on the object is left out" in ran.err
    assert "prior" not in Result.load(tmp_path / "new.h5").memory


def test_data_in_place_of_a_recipe(run: Run, tmp_path: Path) -> None:
    data = small_scan(tmp_path / "scan.h5")
    assert "mixedptycho recipe --for FILE" in run("run", data).refused()


def test_a_semiangle_in_rad_is_no_run(run: Run, tmp_path: Path) -> None:
    recipe = awkward(tmp_path / "r.toml", lambda patterns: patterns)
    said = run("run", recipe, "--set", "microscope.semiangle=0.03", "--out", tmp_path / "r.h5").refused()
    assert "0.03 rad is 30" in said


def test_an_empty_file_is_called_so(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty.h5").touch()
    assert "the file is empty (0 bytes)" in run("info", tmp_path / "empty.h5").refused()
