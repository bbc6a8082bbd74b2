"""One reconstruction for each combination of values: files, rows, the choice."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.reconstruct import reconstruct
from napari_mixedptycho.result import Result
from napari_mixedptycho.scan import Axis, Point, Row, as_csv, best, combinations, compute_quietly, files, scan
from tests.small import small

TINY = 'stages=[{name="mixed",iterations=2}]'


def points(*over: str, changes: tuple[str, ...] = ()) -> tuple[Point, ...]:
    recipe = small(TINY, "model.slices=1", *changes)
    return combinations(recipe, [Axis.parse(text) for text in over])


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("model.states=1,2, 4", ("1", "2", "4")),
        ("data.scan_region=[0,4,0,4],[0,6,0,6]", ("[0,4,0,4]", "[0,6,0,6]")),
        ('stages.mixed.refine=["object","probe"],["object"]', ('["object","probe"]', '["object"]')),
        ("data.file='a,b.h5',c.h5", ("'a,b.h5'", "c.h5")),
        ("model.padding=none,1.5", ("none", "1.5")),
    ],
)
def test_values_are_cut_at_the_commas_between_them(text: str, values: tuple[str, ...]) -> None:
    assert Axis.parse(text) == Axis(text.split("=")[0], values)


@pytest.mark.parametrize(
    "text", ["model.states", "model.states=", "=1,2", "model.states=1,,2", "model.states=1,2,1", ""]
)
def test_what_is_no_list_of_values_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"^--over .*\.$"):
        Axis.parse(text)


def test_every_combination_the_last_axis_fastest() -> None:
    found = points("model.states=1,2", "model.slices=1,3")
    assert [point.name for point in found] == [
        "states=1, slices=1",
        "states=1, slices=3",
        "states=2, slices=1",
        "states=2, slices=3",
    ]
    assert [(point.recipe.model.states, point.recipe.model.slices) for point in found] == [
        (1, 1), (1, 3), (2, 1), (2, 3),
    ]  # fmt: skip


def test_settings_of_one_name_are_told_apart() -> None:
    recipe = small()
    axes = [Axis.parse("stages.pure.iterations=1,2"), Axis.parse("stages.mixed.iterations=3")]
    assert combinations(recipe, axes)[0].name == "stages.pure.iterations=1, stages.mixed.iterations=3"


@pytest.mark.parametrize(
    ("over", "sentence"),
    [
        (("model.stats=1,2",), r"--over model\.stats=1: there is no 'stats'"),
        (("model.states=1,0",), "greater than or equal to 1"),
        (("model.states=1,2", "model.states=3"), "each setting once"),
        ((), "A scan needs --over"),
        (
            (
                "model.states=" + ",".join(map(str, range(1, 41))),
                "model.slices=" + ",".join(map(str, range(1, 41))),
            ),
            "1600",
        ),
    ],
)
def test_bad_scans_are_refused_in_one_sentence(over: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence) as caught:
        points(*over)
    assert "\n" not in str(caught.value)


def test_every_combination_has_a_file_of_its_own(tmp_path: Path) -> None:
    strange = points("data.file='a/b','a:b','a b'")
    names = [path.name for path in files(strange, tmp_path)]
    assert len(set(names)) == 3
    assert all(name.replace(".h5", "").replace("-", "").replace("_", "").isalnum() for name in names)
    assert files(points("model.states=1,2"), tmp_path)[1] == tmp_path / "states-2.h5"


def test_a_scan_and_the_same_once_more(tmp_path: Path) -> None:
    chosen = points("model.states=1,2", changes=("data.hold_out=4",))
    rows = list(scan(chosen, tmp_path))
    assert [row.point.name for row in rows] == ["states=1", "states=2"]
    for row, path in zip(rows, files(chosen, tmp_path), strict=True):
        history = Result.load(path).history
        assert (row.loss, row.held_out) == (history.loss[-1], history.held_out[-1])
        assert (row.iterations, row.error) == (2, None)
    assert rows[0].separation == 0
    assert rows[0].columns is None  # one state does not move
    written = [path.stat().st_mtime_ns for path in files(chosen, tmp_path)]
    again = list(scan(chosen, tmp_path, lambda *_: pytest.fail("computed again")))
    assert [row.numbers() for row in again] == [row.numbers() for row in rows]
    assert [path.stat().st_mtime_ns for path in files(chosen, tmp_path)] == written


def test_what_was_begun_goes_on(tmp_path: Path) -> None:
    (point,) = points("model.states=2")
    (path,) = files((point,), tmp_path)
    first = next(iter(reconstruct(point.recipe)))
    first.result.save(path)
    seen: list[int] = []

    def compute(point: Point, path: Path, earlier: Result | None) -> Result:
        seen.append(len(earlier.history) if earlier else 0)
        return compute_quietly(point, path, earlier)

    (row,) = scan((point,), tmp_path, compute)
    assert (seen, row.iterations, row.error) == ([1], 2, None)
    assert list(reconstruct(point.recipe))[-1].loss == row.loss


def test_an_interrupt_ends_the_scan(tmp_path: Path) -> None:
    def compute(point: Point, *_: object) -> Result:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        next(scan(points("model.states=1,2"), tmp_path, compute))


def test_what_fails_is_said_and_the_others_go_on(tmp_path: Path) -> None:
    chosen = points("data.max_angle=20,60")  # less than the probe's own angle
    refused, fine = scan(chosen, tmp_path)
    assert refused.error is not None
    assert "semi-angle" in refused.error
    assert refused.loss is None
    assert fine.error is None

    def compute(*_: object) -> Result:
        raise ZeroDivisionError("so\nit goes") if len(list(tmp_path.iterdir())) == 1 else RuntimeError("odd")

    rows = list(scan(points("model.states=1,2"), tmp_path, compute))
    assert [row.error for row in rows] == ["so it goes", "so it goes"]


def test_other_results_are_not_overwritten(tmp_path: Path) -> None:
    chosen = points("model.states=1")
    list(scan(chosen, tmp_path))
    with pytest.raises(InputError, match="made with other settings or data"):
        next(scan(points("model.states=1", changes=("run.seed=3",)), tmp_path))
    (path,) = files(chosen, tmp_path)
    path.write_bytes(b"years of work")
    with pytest.raises(InputError, match="cannot be read"):
        next(scan(chosen, tmp_path))
    assert path.read_bytes() == b"years of work"
    # Threads and checkpoints do not change a result.
    path.unlink()
    list(scan(chosen, tmp_path))
    other = points("model.states=1", changes=("run.checkpoint=none",))
    assert next(scan(other, tmp_path, lambda *_: pytest.fail("computed again"))).error is None


def rows(*held_out: float | None, changes: tuple[str, ...] = ()) -> list[Row]:
    over = "model.states=" + ",".join(str(index + 1) for index in range(len(held_out)))
    return [
        Row(p, loss=0.1, held_out=h) for p, h in zip(points(over, changes=changes), held_out, strict=True)
    ]


def test_the_smallest_held_out_loss_is_chosen() -> None:
    found = rows(0.3, 0.1, None, 0.2)
    assert best(found) is found[1]
    assert best(rows(None, None)) is None
    poisson, amplitude = rows(0.3), rows(0.1, changes=('stages.0.loss.kind="amplitude"',))
    assert best([*poisson, *amplitude]) is None  # losses of different kinds
    assert best([*poisson, *rows(0.1, changes=("data.hold_out=5",))]) is None  # other patterns


def test_the_table_as_csv() -> None:
    found = [*rows(0.25, None), replace(rows(None)[0], loss=None, error="it, broke")]
    found[0] = replace(found[0], alarms=("one_state", "rising"), motion=0.0512)
    table = list(csv.DictReader(io.StringIO(as_csv(found))))
    assert table[0]["name"] == "states=1"
    assert table[0]["model.states"] == "1"
    assert (table[0]["held_out"], table[1]["held_out"]) == ("0.25", "")
    assert (table[0]["alarms"], table[0]["motion (angstrom)"]) == ("one_state rising", "0.0512")
    assert (table[2]["loss"], table[2]["error"]) == ("", "it, broke")
    assert as_csv([]) == "\n"
