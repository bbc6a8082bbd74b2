from __future__ import annotations

import csv

import numpy as np
import pytest

from napari_mixedptycho.analysis.floor import judge
from napari_mixedptycho.analysis.motion import measure, measure_phases
from napari_mixedptycho.analysis.table import write_columns
from napari_mixedptycho.analysis.truth import compare
from tests.analysis import specimen as s


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def numbers(rows, name):
    return np.array([float(row[name]) for row in rows])


def test_the_table_reads_back(tmp_path):
    motion = measure(s.result(s.drawn(s.moving(8))))
    write_columns(tmp_path / "out" / "columns.csv", motion)
    rows = read(tmp_path / "out" / "columns.csv")
    assert [row["id"] for row in rows] == [str(i) for i in range(12)]
    np.testing.assert_allclose(numbers(rows, "y (angstrom)"), motion.mean[:, 0], rtol=1e-5)
    np.testing.assert_allclose(numbers(rows, "sd_x (angstrom)"), motion.sd[:, 1], rtol=1e-5)
    np.testing.assert_allclose(numbers(rows, "cov_yx (angstrom^2)"), motion.covariance[:, 0, 1], rtol=1e-5)
    np.testing.assert_allclose(numbers(rows, "sd_y_low (angstrom)"), motion.sd_interval[:, 0, 0], rtol=1e-5)
    assert not any(name.startswith(("true", "atoms")) for name in rows[0])
    units = ("(angstrom)", "(angstrom^2)", "(degree)")
    assert all(name.endswith(units) for name in rows[0] if name not in ("id", "flagged"))


def test_the_truth_stands_beside_its_column(tmp_path):
    true = s.moving(8)
    result = s.result(s.drawn(true))
    kept = np.concatenate([[[8.6, 4.4]], s.columns()])
    motion = measure(result, columns=kept)
    write_columns(tmp_path / "columns.csv", motion, compare(result, motion, s.truth(true)))
    rows = read(tmp_path / "columns.csv")
    assert rows[0]["true_y (angstrom)"] == "" == rows[0]["atoms_sd_x (angstrom)"]
    np.testing.assert_allclose(numbers(rows[1:], "true_y (angstrom)"), true.mean(axis=0)[:, 0], atol=0.005)
    np.testing.assert_allclose(numbers(rows[1:], "atoms_sd_x (angstrom)"), true.std(axis=0)[:, 1], rtol=1e-4)


@pytest.mark.parametrize("states", [1, 2])
def test_what_is_unknown_is_left_empty(tmp_path, states):
    motion = measure(s.result(s.drawn(s.moving(states))))
    write_columns(tmp_path / "columns.csv", motion)
    text = (tmp_path / "columns.csv").read_text(encoding="utf-8")
    assert "nan" not in text
    assert len(text.splitlines()) == 13


def test_the_size_of_the_motion_in_other_terms_and_its_floor(tmp_path):
    motion, still = (
        measure_phases(s.drawn(s.moving(8, sd)), s.SAMPLING, s.ORIGIN, s.columns()) for sd in (0.05, 0.01)
    )
    verdict = judge(motion, still)
    write_columns(tmp_path / "columns.csv", motion, verdict=verdict)
    rows = read(tmp_path / "columns.csv")
    u_rms = numbers(rows, "u_rms (angstrom)")
    np.testing.assert_allclose(u_rms, motion.u_rms, rtol=1e-5)
    np.testing.assert_allclose(numbers(rows, "B (angstrom^2)"), 8 * np.pi**2 * u_rms**2, rtol=1e-4)
    long, short = numbers(rows, "ellipse_major (angstrom)"), numbers(rows, "ellipse_minor (angstrom)")
    np.testing.assert_allclose((long**2 + short**2) / 2, u_rms**2, rtol=1e-4)
    np.testing.assert_allclose(numbers(rows, "floor (angstrom)"), verdict.column_floor, rtol=1e-5)
    np.testing.assert_allclose(numbers(rows, "above_floor (angstrom)"), verdict.column_above, rtol=1e-5)
