from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from napari_mixedptycho.result import History
from tests.analysis import specimen as s

Run = Callable[..., Any]


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    for name, sd, seed in (("a", 0.05, 1), ("b", 0.02, 2)):
        result = s.result(s.drawn(s.moving(8, sd), noise=0.02, seed=seed))
        recipe = result.recipe.with_set(f"run.seed={seed}")
        history = History().add(loss=0.1, seconds=1.0, evaluations=1.0, separation=0.1, stage=0)
        result.replace(recipe=recipe, history=history).save(tmp_path / f"{name}.h5")
    return tmp_path / "a.h5", tmp_path / "b.h5"


def test_two_results_side_by_side(run: Run, files: tuple[Path, Path], tmp_path: Path) -> None:
    ran = run("compare", *files, "--out", tmp_path / "out", "--json")
    assert ran.code == 0, ran.err
    numbers = json.loads(ran.out)
    assert numbers == json.loads((tmp_path / "out" / "compare.json").read_text())
    assert max(map(abs, numbers["shift"])) < 0.03
    assert numbers["recipes"] == {"run.seed": [1, 2]}
    assert numbers["motion"][0] == pytest.approx(0.05, rel=0.2)
    assert numbers["motion"][1] == pytest.approx(0.02, rel=0.3)
    assert 0 < numbers["difference"] < 0.5
    # Both states scatter about the same places, A by much more: this shows in the motion.
    assert numbers["motion_energy_p"] < 0.01
    assert numbers["covariance_distance"] == pytest.approx(0.03 * 2**0.5, rel=0.35)
    table = (tmp_path / "out" / "columns.csv").read_text().splitlines()
    assert len(table) == 13
    assert table[0].split(",")[:3] == ["id", "y_a (angstrom)", "x_a (angstrom)"]
    assert "share its noise" in run("compare", *files).out
    rows = (tmp_path / "out" / "rings.csv").read_text().splitlines()
    assert rows[0].startswith("frequency (1/angstrom),frc,half_bit,power_a (rad^2 angstrom^2)")
    assert float(rows[3].split(",")[1]) > 0.9

    said = run("compare", *files).out
    assert "run.seed: 1 / 2" in said
    assert f"A {numbers['motion'][0]:.4f} Å, B {numbers['motion'][1]:.4f} Å" in said


def test_a_result_beside_itself(run: Run, files: tuple[Path, Path]) -> None:
    ran = run("compare", files[0], files[0])
    assert "agree (Fourier ring correlation) at all frequencies" in ran.out
    assert "recipes are the same" in ran.out
    assert "differ by 0.0 %" in ran.out


def test_what_is_no_result_is_refused(run: Run, files: tuple[Path, Path], tmp_path: Path) -> None:
    assert "no such file" in run("compare", files[0], tmp_path / "absent.h5").refused()
