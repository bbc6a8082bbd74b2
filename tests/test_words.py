"""Counts, sizes and times in words."""

from __future__ import annotations

from napari_mixedptycho.words import amount, counted, duration, size


def test_one_is_not_many() -> None:
    assert [counted(n, "column") for n in (0, 1, 2)] == ["0 columns", "1 column", "2 columns"]
    assert [counted(n, "entry", "entries") for n in (1, 3)] == ["1 entry", "3 entries"]


def test_no_number_is_rounded_into_a_unit_that_it_has_outgrown() -> None:
    assert [size(n) for n in (5e5, 999_600, 2.34e9, 999.6e6)] == ["500 kB", "1 MB", "2.3 GB", "1.0 GB"]
    times = {0.9999: "1.0 s", 9.97: "10 s", 59.6: "1 min 0 s", 3599.6: "1 h 0 min", 7384.0: "2 h 3 min"}
    assert [duration(seconds) for seconds in times] == list(times.values())
    assert duration(0) == "0 s"
    assert duration(0.0004) == "0 ms"
    assert amount(1_239_999) == "1\u202f240\u202f000"
