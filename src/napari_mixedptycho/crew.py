"""One thread for each GPU that a recipe names: this one decides, the others evaluate their part."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import replace

from napari_mixedptycho._array import named
from napari_mixedptycho.engine.comm import ALONE, Comm, LostError, Meeting, Thread
from napari_mixedptycho.engine.orders import serve
from napari_mixedptycho.prepare import Prepared, for_detector
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.workload import make_problem


@contextlib.contextmanager
def crew(recipe: Recipe) -> Iterator[Comm]:
    """Yield the ranks of a run in this process; those that wait are sent home when it ends."""
    count = len(named(recipe.run.device))
    if count < 2:
        yield ALONE
        return
    with gathered(count) as first:
        yield first


@contextlib.contextmanager
def gathered(count: int) -> Iterator[Thread]:
    """Yield rank 0 of so many threads; it is over for all of them afterwards."""
    meeting = Meeting(count)
    try:
        yield Thread(meeting, 0)
    finally:
        meeting.close()
        for thread in meeting.threads:
            thread.join()


def recruited(prepared: Prepared, comm: Comm) -> Prepared:
    """Return the recipe made ready for rank 0, with a thread at work for each of the other ranks.

    Each has the patterns of its lanes, and the rest of the problem, on its own device.
    """
    if not isinstance(comm, Thread):
        return prepared
    for rank in range(1, comm.size):
        thread = threading.Thread(target=_work, args=(prepared, replace(comm, rank=rank)), daemon=True)
        comm.meeting.threads.append(thread)
        thread.start()
    return prepared if prepared.problem.comm is comm else _for_rank(prepared, comm)


def _for_rank(prepared: Prepared, comm: Comm) -> Prepared:
    problem = make_problem(prepared.recipe, prepared.dataset, prepared.geometry, comm)
    return replace(prepared, problem=problem)


def _work(prepared: Prepared, comm: Thread) -> None:
    """Serve until it is over; where that fails, nobody waits for this thread."""
    try:
        own = _for_rank(prepared, comm)
        serve(own.problem, lambda part: for_detector(own, part).problem)
    except LostError:
        return
    except BaseException:
        comm.meeting.close()
        raise
