"""A run in a process of its own is the same run, and neither process takes the other down."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.prepare import open_dataset
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import Progress, reconstruct
from napari_mixedptycho.result import Result
from napari_mixedptycho.running import Apart, Job, Look, Seat, SeatLostError, Work
from tests.small import small

Place = Callable[[Job, Path], Work | Apart]


@pytest.fixture
def seats() -> Iterator[list[Seat]]:
    made: list[Seat] = []
    yield made
    for seat in made:
        seat.close(wait=True)
        assert not seat.folder.exists()


@pytest.fixture(params=["thread", "process"])
def place(request: pytest.FixtureRequest, seats: list[Seat]) -> Place:
    def apart(job: Job, copy: Path) -> Apart:
        seats.append(Seat())
        return Apart(job, copy, seats[-1])

    return Work if request.param == "thread" else apart


def until(work: Work | Apart, condition: Callable[[Look], bool], timeout: float = 60.0) -> list[Look]:
    """Look until something is seen; return all looks."""
    looks, end = [work.look()], time.monotonic() + timeout
    while not condition(looks[-1]):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
        looks.append(work.look())
    return looks


def over(look: Look) -> bool:
    return look.over


def job(recipe: Recipe) -> Job:
    return Job(recipe, open_dataset(recipe))


def result(looks: list[Look]) -> Result:
    return [look.news.progress.result for look in looks if look.news is not None][-1]


@pytest.fixture(scope="module")
def steps() -> list[Progress]:
    return list(reconstruct(small()))


def test_it_is_the_same_run_and_can_be_gone_on_with(
    place: Place, tmp_path: Path, steps: list[Progress]
) -> None:
    work = place(job(small()), tmp_path / "copy.h5")
    work.start()
    looks = until(work, over)
    work.shutdown()
    found, wanted = result(looks), steps[-1].result
    assert found.history.loss == wanted.history.loss
    np.testing.assert_array_equal(found.estimate.object, wanted.estimate.object)
    assert looks[-1].error is None
    assert looks[-1].news is not None
    assert looks[-1].news.memory is not None
    assert any(look.doubts is not None for look in looks)
    assert len(Result.load(tmp_path / "copy.h5").history) == 5
    # With the memory of the solver: it is the run that was never interrupted.
    further = small().with_iterations(9)
    *_, last = reconstruct(further)
    work = place(Job(further, open_dataset(further), resume=found), tmp_path / "copy.h5")
    work.start()
    again = result(until(work, over))
    work.shutdown()
    assert again.history.loss == last.result.history.loss


def test_only_the_end_has_the_memory_of_the_solver(place: Place, tmp_path: Path) -> None:
    work = place(job(small("stages.1.iterations=100000")), tmp_path / "copy.h5")
    work.start()
    looks = until(work, lambda look: look.news is not None and look.news.progress.iteration > 3)
    assert not result(looks).memory
    work.pause()
    looks = until(work, lambda look: look.waiting)
    # Whether or not this look has brought news, the end brings the whole.
    work.stop()
    looks += until(work, over)
    work.shutdown()
    assert result(looks).memory
    assert result(looks).history == Result.load(tmp_path / "copy.h5").history


def test_it_is_steered(place: Place, tmp_path: Path) -> None:
    work = place(job(small("stages.1.iterations=100000")), tmp_path / "copy.h5")
    assert work.keep() is None if isinstance(work, Work) else True
    work.start()
    until(work, lambda look: look.news is not None)
    work.pause()
    looks = until(work, lambda look: look.waiting)
    done = work.compare(7)
    assert done is not None
    work.step()
    until(work, lambda look: look.news is not None)
    until(work, lambda look: look.waiting)
    after = work.compare(7)
    assert after is not None
    assert after[0] == done[0] + 1
    assert work.keep() == tmp_path / "copy.h5"
    assert len(Result.load(tmp_path / "copy.h5").history) == after[0]
    work.save(tmp_path / "mine.h5")
    assert Result.load(tmp_path / "mine.h5").memory, "saved in mid-run, it can be gone on with"
    with pytest.raises(OSError, match=r"."):
        work.save(tmp_path / "mine.h5" / "no folder" / "mine.h5")
    with pytest.raises(InputError, match="no scan point"):
        work.compare(1000)
    work.resume()
    until(work, lambda look: look.news is not None and look.news.progress.iteration > after[0] + 1)
    rested = work.look(resting=True)
    assert rested.news is None
    work.stop()
    looks = until(work, over)
    work.leave()
    assert result(looks).history == Result.load(tmp_path / "copy.h5").history


def test_an_error_is_told(place: Place, tmp_path: Path) -> None:
    recipe = small()
    work = place(Job(recipe, open_dataset(recipe).replace(thickness=None)), tmp_path / "copy.h5")
    work.start()
    look = until(work, over)[-1]
    work.shutdown()
    assert isinstance(look.error, InputError)
    assert "thickness" in str(look.error)


def test_a_process_that_is_killed_is_told_in_a_sentence(tmp_path: Path, seats: list[Seat]) -> None:
    seats.append(Seat())
    work = Apart(job(small("stages.1.iterations=100000")), tmp_path / "copy.h5", seats[0])
    work.start()
    until(work, lambda look: look.news is not None)
    seats[0].process.kill()
    look = until(work, over)[-1]
    assert isinstance(look.error, SeatLostError)
    assert "memory runs out" in str(look.error)
    assert work.keep() is None
    assert work.compare(0) is None
    with pytest.raises(OSError, match="engine's process"):
        work.save(tmp_path / "mine.h5")
    work.shutdown()


def test_whoever_leaves_a_run_finds_its_result(tmp_path: Path, seats: list[Seat]) -> None:
    """As when the window breaks down: nobody asks and nobody listens any more."""
    seats.append(Seat())
    work = Apart(job(small("stages.1.iterations=100000")), tmp_path / "copy.h5", seats[0])
    work.start()
    looks = until(work, lambda look: look.news is not None and look.news.progress.iteration > 3)
    work.shutdown()
    assert seats[0].process.returncode == 0
    assert len(Result.load(tmp_path / "copy.h5").history) >= len(result(looks).history)


def test_a_seat_that_nobody_takes_ends(seats: list[Seat]) -> None:
    seat = Seat()
    seat.close(wait=True)
    assert seat.process.returncode == 0
    assert not seat.folder.exists()


def test_a_seat_that_is_forgotten_ends() -> None:
    seat = Seat()
    process, folder = seat.process, seat.folder
    del seat
    gc.collect()
    assert process.wait(timeout=30) == 0
    end = time.monotonic() + 10
    while folder.exists():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_what_cannot_be_handed_over_is_refused_at_once(tmp_path: Path, seats: list[Seat]) -> None:
    class Strange:
        shape, dtype = (6, 6, 96, 96), np.dtype("f4")

    seats.append(Seat())
    made = job(small())
    with pytest.raises(Exception, match="Strange"):
        Apart(replace(made, dataset=made.dataset.replace(patterns=Strange())), tmp_path / "c.h5", seats[0])


def test_what_fails_to_be_shown_does_not_end_the_run(
    tmp_path: Path, seats: list[Seat], monkeypatch: pytest.MonkeyPatch
) -> None:
    seats.append(Seat())
    work = Apart(job(small("stages.1.iterations=100000")), tmp_path / "copy.h5", seats[0])
    work.start()
    until(work, lambda look: look.news is not None)
    asked, ask = [], work._ask

    def short(name: str, **arguments: bool) -> object:
        asked.append(arguments["resting"])
        if not arguments["resting"]:
            raise MemoryError
        return ask(name, **arguments)

    monkeypatch.setattr(work, "_ask", short)
    look = work.look()
    assert asked == [False, True]
    assert not look.over
    assert look.error is None
    monkeypatch.setattr(work, "_ask", ask)
    until(work, lambda look: look.news is not None)
    work.shutdown()
