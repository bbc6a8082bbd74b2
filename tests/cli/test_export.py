from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.small import small, steps

Run = Callable[..., Any]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    recipe = small("data.scan_region=[6,20,6,20]", "stages.pure.iterations=5", "stages.mixed.iterations=1")
    steps(recipe)[-1].result.save(tmp_path / "result.h5")
    return tmp_path / "result.h5"


def test_a_result_goes_to_other_programs(run: Run, saved: Path, tmp_path: Path) -> None:
    ran = run("export", saved)
    assert ran.code == 0, ran.err
    written = [Path(line) for line in ran.out.splitlines()]
    assert {path.parent for path in written} == {tmp_path / "result.export"}
    assert {path.suffix for path in written} == {".emd", ".tif", ".csv", ".toml"}
    assert all(path.is_file() for path in written)
    ran = run("export", saved, "--format", "npz", "--out", tmp_path / "out")
    assert ran.out.splitlines() == [str(tmp_path / "out" / "result.npz")]


def test_a_report_is_one_page(run: Run, file: Path, tmp_path: Path) -> None:
    ran = run("report", file)
    assert ran.code == 0, ran.err
    page = (tmp_path / "result.report.html").read_text(encoding="utf-8")
    assert ran.out.strip() == str(tmp_path / "result.report.html")
    for words in ("No stationary control was given", "14 × 14 points", "keV"):
        assert words in page
    assert "data file" in page
    assert f"mixedptycho run recipe.toml --out {file}" in page


def test_a_report_with_its_control(run: Run, file: Path, tmp_path: Path) -> None:
    ran = run("report", file, "--control", file, "--out", tmp_path / "page.html")
    assert ran.code == 0, ran.err
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Stationary control." in page
    assert "not resolved" in page  # nothing is more than itself
    assert "No stationary control was given" not in page


def test_a_report_does_not_replace_a_result(run: Run, saved: Path, file: Path, tmp_path: Path) -> None:
    assert "ends with .html" in run("report", saved, "--out", saved).refused()
    assert "another grid" in run("report", file, "--control", _other(tmp_path)).refused()


def _other(tmp_path: Path) -> Path:
    steps(small())[-1].result.save(tmp_path / "other.h5")
    return tmp_path / "other.h5"
