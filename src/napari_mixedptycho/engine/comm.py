"""Several processors on one reconstruction: who they are, and how what they find is added.

Rank 0 decides everything: it holds the estimate, steps the solver and writes the result. The others evaluate:
each hears what is wanted (`tell`), does its group of lanes, and adds its part (`total`). No decision is made
twice, so none can be made differently.

Parts are added in pairs of neighbours, then pairs of pairs: always in this order, so that the sum is the same
each time; and as lanes are added in pairs too, it is the same bit for bit at 1, 2, 4, 8 or 16 ranks.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Protocol, TypeVar

from napari_mixedptycho.errors import InputError

Part = TypeVar("Part")
Add = Callable[[Part, Part], Part]

_LAUNCHERS = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS")
"""Where launchers of MPI programs write how many processes they have started."""


class LostError(RuntimeError):
    """Another rank has failed, so that the work cannot go on."""


class Comm(Protocol):
    """The ranks of a run."""

    @property
    def rank(self) -> int:
        """Number of this one."""

    @property
    def size(self) -> int:
        """How many there are."""

    @property
    def beside(self) -> int:
        """How many of them share the cores of this machine."""

    @property
    def seat(self) -> int:
        """Number of this one among these."""

    @property
    def by_host(self) -> bool:
        """Whether only host arrays can be passed on."""

    def tell(self, order: Any = None) -> Any:
        """Return what rank 0 says, on all ranks; None: that is all."""

    def total(self, part: Part, add: Add[Part]) -> Part:
        """Add the parts of all ranks, neighbours first; except on rank 0 the result means nothing."""


@dataclass(frozen=True)
class Alone:
    """One process, one device."""

    rank: int = 0
    size: int = 1
    beside: int = 1
    seat: int = 0
    by_host: bool = False

    def tell(self, order: Any = None) -> Any:
        """Return the order."""
        return order

    def total(self, part: Part, add: Add[Part]) -> Part:
        """Return the only part."""
        return part

    def leave(self, code: int) -> None:
        """Nobody waits."""


@dataclass
class Meeting:
    """Where the threads of a process meet.

    Attributes
    ----------
    size
        Number of threads.
    order, parts
        What rank 0 says, and what each hands over.
    threads
        All but the first.
    """

    size: int
    order: Any = None
    parts: list[Any] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)
    barrier: threading.Barrier = field(init=False)

    def __post_init__(self) -> None:
        self.barrier = threading.Barrier(self.size)
        self.parts = [None] * self.size

    def wait(self) -> None:
        """Wait until all are here.

        Raises
        ------
        LostError
            When one of them will not come.
        """
        try:
            self.barrier.wait()
        except threading.BrokenBarrierError:
            raise LostError("another thread of this run has ended") from None

    def close(self) -> None:
        """Send everyone home who waits or will come."""
        self.barrier.abort()


@dataclass(frozen=True)
class Thread:
    """One of several threads of a process, each with a device of its own."""

    meeting: Meeting
    rank: int
    by_host: bool = False

    @property
    def size(self) -> int:
        """Number of threads."""
        return self.meeting.size

    @property
    def beside(self) -> int:
        """All of them."""
        return self.meeting.size

    @property
    def seat(self) -> int:
        """The rank."""
        return self.rank

    def tell(self, order: Any = None) -> Any:
        """Return what rank 0 says."""
        if self.rank == 0:
            self.meeting.order = order
        self.meeting.wait()
        order = self.meeting.order
        self.meeting.wait()
        return order

    def total(self, part: Part, add: Add[Part]) -> Part:
        """Add the parts on rank 0, while the others wait: what they hand over is still theirs."""
        self.meeting.parts[self.rank] = part
        self.meeting.wait()
        found = in_pairs(self.meeting.parts, add) if self.rank == 0 else part
        self.meeting.wait()
        self.meeting.parts[self.rank] = None
        return found


class Processes:
    """The processes that `mpiexec` or `srun` has started."""

    by_host = True

    def __init__(self) -> None:
        from mpi4py import MPI
        from mpi4py.util import pkl5

        self._world = MPI.COMM_WORLD
        self._comm = pkl5.Intracomm(MPI.COMM_WORLD)
        self.rank: int = self._world.rank
        self.size: int = self._world.size
        here = self._world.Split_type(MPI.COMM_TYPE_SHARED)
        self.beside: int = here.size
        self.seat: int = here.rank
        self.over = False
        """Whether all know that there is nothing more to do."""

    def tell(self, order: Any = None) -> Any:
        """Return what rank 0 says."""
        order = self._comm.bcast(order, root=0)
        self.over = order is None
        return order

    def total(self, part: Part, add: Add[Part]) -> Part:
        """Add the parts on rank 0, in as many rounds as the logarithm of their number."""
        step = 1
        while step < self.size:
            if self.rank % (2 * step):
                self._comm.send(part, dest=self.rank - step)
                return part
            if self.rank + step < self.size:
                part = add(part, self._comm.recv(source=self.rank + step))
            step *= 2
        return part

    def leave(self, code: int) -> None:
        """End the others too, unless all know that it is over: they wait for an order."""
        if not self.over:
            sys.stdout.flush()
            sys.stderr.flush()
            self._world.Abort(code or 1)


ALONE = Alone()


def started(environment: Mapping[str, str] = os.environ) -> int:
    """Return how many processes a launcher of MPI programs has started; 1 without one."""
    found = [environment.get(name, "") for name in _LAUNCHERS]
    return max((int(number) for number in found if number.isdigit()), default=1)


def launched(environment: Mapping[str, str] = os.environ) -> Alone | Processes:
    """Return the processes of a launcher, or one alone; MPI is imported only under a launcher of several.

    Raises
    ------
    InputError
        When a launcher has started several, but MPI is not there or does not know of them.
    """
    count = started(environment)
    if count == 1:
        return ALONE
    try:
        processes = Processes()
    except ImportError as error:
        raise InputError(
            f"{count} processes were started, but MPI cannot be used ({error}); install it with "
            '`pip install "napari-mixedptycho[mpi]"` and an MPI library such as mpich.'
        ) from None
    if processes.size == 1:
        raise InputError(
            f"{count} processes were started, but MPI sees one: use the mpiexec of the MPI library that "
            "mpi4py loads, or tell srun which it is (srun --mpi=list)."
        )
    return processes


def in_pairs(parts: Iterable[Part], add: Add[Part]) -> Part:
    """Add neighbours, then pairs of neighbours, and so on; as soon as there are two, so that few are kept.

    Raises
    ------
    ValueError
        When there is nothing to add.
    """
    waiting: list[tuple[int, Part]] = []
    for part in parts:
        size = 1
        while waiting and waiting[-1][0] == size:
            part, size = add(waiting.pop()[1], part), 2 * size
        waiting.append((size, part))
    if not waiting:
        raise ValueError("there is nothing to add")
    _, found = waiting.pop()
    while waiting:
        found = add(waiting.pop()[1], found)
    return found


def group(count: int, comm: Comm) -> slice:
    """Return which of `count` lanes, or of anything in order, this rank takes: neighbours; perhaps none."""
    bounds = [round(index * count / comm.size) for index in range(comm.size + 1)]
    return [slice(first, last) for first, last in pairwise(bounds)][comm.rank]
