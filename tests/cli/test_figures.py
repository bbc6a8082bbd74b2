from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.small import small, steps

Run = Callable[..., Any]
NAMES = {"mean_phase", "probe", "spectrum", "states", "slices", "loss", "health", "columns", "motion_map"}
NAMES |= {"ellipses", "spread_map", "spread"}  # two states: no correlation


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


def test_several_results_stand_beside_each_other(run: Run, file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "result.h5"
    other.parent.mkdir()
    other.write_bytes(file.read_bytes())
    ran = run("figures", file, other, "--out", tmp_path / "out", "--format", "png", "--only", "losses")
    assert ran.code == 0, ran.err
    assert [Path(line) for line in ran.out.splitlines()] == [tmp_path / "out" / "losses.png"]
    ran = run("figures", file, other, "--out", tmp_path / "out", "--format", "png", "--only", "probe")
    folders = {Path(line).parent.name for line in ran.out.splitlines()}
    assert folders == {f"{tmp_path.name}_result", "other_result"}


def test_the_control_is_drawn_beside_its_result(run: Run, file: Path, tmp_path: Path) -> None:
    ran = run("figures", file, "--control", file, "--only", "control", "--format", "png")
    assert ran.code == 0, ran.err
    assert [Path(line).name for line in ran.out.splitlines()] == ["control.png"]
    assert "one result" in run("figures", file, file, "--control", file).refused()


def test_a_figure_that_is_not_there_is_refused_with_those_that_are(run: Run, file: Path) -> None:
    told = run("figures", file, "--only", "fig7").refused()
    assert "'fig7'" in told
    assert "mean_phase" in told


def test_what_is_no_result_is_refused(run: Run, tmp_path: Path) -> None:
    assert "no such file" in run("figures", tmp_path / "absent.h5").refused()
