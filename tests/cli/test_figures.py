from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.small import small, steps

Run = Callable[..., Any]
NAMES = {"mean_phase", "states", "spectrum", "loss", "columns"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    recipe = small("data.scan_region=[6,20,6,20]", "stages.pure.iterations=5", "stages.mixed.iterations=1")
    steps(recipe)[-1].result.save(tmp_path / "result.h5")
    return tmp_path / "result.h5"


def test_all_figures_as_pixels_and_as_lines(run: Run, file: Path, tmp_path: Path) -> None:
    ran = run("figures", file)
    assert ran.code == 0, ran.err
    written = {Path(line).name for line in ran.out.splitlines()}
    assert written == {f"{name}.{suffix}" for name in NAMES for suffix in ("png", "svg")}
    assert {path.name for path in (tmp_path / "result.figures").iterdir()} == written
    chosen = run("figures", file, "--out", tmp_path / "out", "--format", "pdf")
    assert len(chosen.out.splitlines()) == len(NAMES)
    assert (tmp_path / "out" / "loss.pdf").read_bytes().startswith(b"%PDF")


def test_what_is_no_result_is_refused(run: Run, tmp_path: Path) -> None:
    assert "no such file" in run("figures", tmp_path / "absent.h5").refused()
