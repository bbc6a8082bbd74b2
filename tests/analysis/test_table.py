from __future__ import annotations

import csv

import numpy as np
import pytest

from napari_mixedptycho.analysis.floor import judge
from napari_mixedptycho.analysis.motion import measure, measure_phases
from napari_mixedptycho.analysis.table import read_columns, write_columns
from napari_mixedptycho.analysis.truth import compare
from napari_mixedptycho.errors import InputError
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
    assert all(name.endswith(units) for name in rows[0] if name not in ("id", "flagged", "edge", "overlap"))


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


def test_flags_tell_the_rim_and_cut_windows(tmp_path):
    result = s.result(s.drawn(s.moving(4)))
    columns = np.concatenate([s.columns()[:1], [[0.5, 4.0], [4.0, 4.0], [4.0, 4.7]]])
    motion = measure(result, columns=columns, numbers=[3, 5, 8, 13])
    write_columns(tmp_path / "columns.csv", motion)
    with (tmp_path / "columns.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == ["3", "5", "8", "13"]
    assert rows[1]["edge"] == "1" and rows[2]["edge"] == "0"
    assert [row["overlap"] for row in rows] == ["0", "0", "1", "1"]


def test_a_table_edited_by_hand_keeps_its_numbers(tmp_path):
    result = s.result(s.drawn(s.moving(4)))
    path = tmp_path / "columns.csv"
    write_columns(path, measure(result))
    lines = path.read_text(encoding="utf-8").splitlines()
    blank = [""] * lines[0].count(",")
    blank[:2] = ["5.0", "4.0"]
    edited = [lines[0], *lines[1:4], *lines[6:], ",".join(["", *blank])]
    path.write_text("\n".join(edited) + "\n", encoding="utf-8")
    columns, numbers = read_columns(path)
    assert numbers == (0, 1, 2, *range(5, len(s.columns())), len(s.columns()))
    assert columns[-1].tolist() == [5.0, 4.0]
    again = measure(result, columns=columns, numbers=numbers)
    write_columns(path, again)
    assert read_columns(path)[1] == numbers


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id,y (angstrom),x (angstrom)\n1,2,3\n1,4,5\n", "twice"),
        ("id,y,x\n1,2,3\n", "each line must state"),
        ("id,y (angstrom),x (angstrom)\n1,two,3\n", "each line must state"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused(tmp_path, text, said):
    path = tmp_path / "columns.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        read_columns(path)
