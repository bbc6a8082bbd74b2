"""Several ranks: what they add, in which order, and that it is the same as one alone."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from napari_mixedptycho.crew import gathered, recruited
from napari_mixedptycho.engine.comm import ALONE, LostError, Meeting, Thread, group, in_pairs, launched
from napari_mixedptycho.engine.orders import own_lanes
from napari_mixedptycho.engine.patterns import Held, Streamed
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.prepare import open_dataset, prepare
from napari_mixedptycho.reconstruct import Progress, reconstruct
from tests.small import small, standard, steps

RUNS: dict[str, tuple[str, ...]] = {
    "default": (),
    "held out": ("data.hold_out=5", "model.probe_modes=2"),
    "positions": ('stages.mixed.refine=["object","probe","positions",{kind="intensity"},{kind="scan"}]',),
    "growing": ('stages=[{name="half",iterations=2,states=1,detector=0.75},{name="mixed",iterations=2}]',),
    "in batches": ("stages.mixed.solver.kind=gradient_descent", "stages.mixed.patterns_per_update=10"),
}


def shared(size: int, *changes: str) -> list[Progress]:
    """Run the small recipe with so many threads of a meeting."""
    recipe = small(*changes) if changes else standard()
    with gathered(size) as comm:
        prepared = recruited(prepare(recipe, open_dataset(recipe), comm), comm)
        return list(reconstruct(recipe, prepared))


@pytest.mark.parametrize("changes", RUNS.values(), ids=RUNS)
def test_two_threads_find_what_one_finds_bit_for_bit(changes: tuple[str, ...]) -> None:
    alone = steps(small(*changes) if changes else standard())
    found = shared(2, *changes)
    exact = "per_update" not in str(changes) and "positions" not in str(changes)
    for one, other in zip(alone, found, strict=True):
        assert one.loss == other.loss if exact else one.loss == pytest.approx(other.loss, rel=1e-5)
    first, second = alone[-1].result.estimate, found[-1].result.estimate
    if exact:
        np.testing.assert_array_equal(first.object, second.object)
        np.testing.assert_array_equal(first.probe, second.probe)
    else:
        np.testing.assert_allclose(first.object, second.object, atol=1e-4)


def test_four_and_sixteen_too() -> None:
    expected = [progress.loss for progress in steps(small())]
    for size in (4, 16):
        assert [progress.loss for progress in shared(size, "model.states=2")] == expected


def test_three_and_more_than_there_are_lanes_to_rounding() -> None:
    expected = [progress.loss for progress in steps(small())]
    for size in (3, 19):
        found = [progress.loss for progress in shared(size, "model.states=2")]
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_every_lane_has_one_owner() -> None:
    recipe = small()
    dataset = open_dataset(recipe)
    for size in (1, 2, 5, 16, 20):
        lanes = []
        for rank in range(size):
            problem = prepare(recipe, dataset, Thread(Meeting(size), rank)).problem
            lanes += list(own_lanes(problem, None))
        assert sorted(np.concatenate(lanes)) == list(range(36))


@pytest.mark.parametrize("grouping", ["random", "compact"])
def test_who_holds_only_its_tiles_reads_no_others_for_a_batch(
    grouping: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = (*RUNS["in batches"], f"stages.mixed.grouping={grouping}", "data.hold_out=9")
    expected = steps(small(*batches))
    tight = (*batches, "run.data_memory=4e-4")  # what half of the patterns take, and a little more
    recipe = small(*tight)
    rank = prepare(recipe, open_dataset(recipe), Thread(Meeting(2), 1)).problem
    assert isinstance(rank.measured, Held)
    asked: list[int] = []
    monkeypatch.setattr(Streamed, "__getitem__", lambda self, indices: asked.append(len(indices)))
    found = shared(2, *tight)
    assert asked == []
    for one, other in zip(expected, found, strict=True):
        assert other.loss == pytest.approx(one.loss, rel=1e-5)
        assert other.held_out == pytest.approx(one.held_out, rel=1e-5)


def test_a_batch_by_tile_is_shared_whole() -> None:
    recipe = small()
    dataset, random = open_dataset(recipe), np.random.default_rng(3)
    for size in (1, 2, 5, 20):
        batch = random.permutation(36)[:7]
        problems = [prepare(recipe, dataset, Thread(Meeting(size), rank)).problem for rank in range(size)]
        parts = [own_lanes(problem, batch, by_tile=True) for problem in problems]
        assert sorted(np.concatenate([lane for lanes in parts for lane in lanes])) == sorted(batch)
        for problem, lanes in zip(problems, parts, strict=True):
            own = own_lanes(problem, None)
            assert all(np.isin(lane, np.concatenate(own)).all() for lane in lanes)


def test_neighbours_are_added_first() -> None:
    def add(one: str, two: str) -> str:
        return f"({one}{two})"

    assert in_pairs("abcdefgh", add) == "(((ab)(cd))((ef)(gh)))"
    assert in_pairs("abcde", add) == "(((ab)(cd))e)"
    assert in_pairs("a", add) == "a"
    # In two halves it is the same: that of two ranks.
    assert add(in_pairs("abcd", add), in_pairs("efgh", add)) == in_pairs("abcdefgh", add)
    with pytest.raises(ValueError, match="nothing"):
        in_pairs([], add)


def test_few_parts_wait_at_a_time() -> None:
    alive, most = [0], [0]

    def parts() -> Any:
        for _ in range(64):
            alive[0] += 1
            most[0] = max(most[0], alive[0])
            yield 1

    def add(one: int, two: int) -> int:
        alive[0] -= 1
        return one + two

    assert in_pairs(parts(), add) == 64
    assert most[0] <= 7


@pytest.mark.parametrize("size", [1, 2, 3, 7, 16, 30])
def test_groups_are_neighbours_of_nearly_equal_size(size: int) -> None:
    parts = [list(range(16))[group(16, Thread(Meeting(size), rank))] for rank in range(size)]
    assert [lane for part in parts for lane in part] == list(range(16))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def in_threads(size: int, work: Callable[[Thread], Any]) -> list[Any]:
    meeting, found = Meeting(size), [None] * size

    def run(rank: int) -> None:
        found[rank] = work(Thread(meeting, rank))

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return found


def test_threads_hear_and_add() -> None:
    def work(comm: Thread) -> tuple[Any, Any]:
        heard = [comm.tell(order if comm.rank == 0 else None) for order in ("go", "on", None)]
        return heard, comm.total(np.full(2, 10.0**comm.rank), np.add)

    found = in_threads(3, work)
    assert all(heard == ["go", "on", None] for heard, _ in found)
    np.testing.assert_array_equal(found[0][1], [111.0, 111.0])


def test_who_waits_for_one_that_will_not_come_is_told() -> None:
    def work(comm: Thread) -> str:
        if comm.rank == 1:
            comm.meeting.close()
            return "gone"
        with pytest.raises(LostError, match="has ended"):
            comm.tell("go")
        return "told"

    assert in_threads(2, work) == ["told", "gone"]


def test_alone_nothing_is_passed_on() -> None:
    part = object()
    assert ALONE.tell(part) is part
    assert ALONE.total(part, lambda one, two: one) is part


def test_mpi_is_looked_for_only_under_a_launcher_of_several(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    assert launched({}) is ALONE
    assert launched({"PMI_SIZE": "1", "SLURM_STEP_NUM_TASKS": "1"}) is ALONE
    for name in ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS"):
        with pytest.raises(InputError, match=r"4 processes were started.*pip install"):
            launched({name: "4"})
