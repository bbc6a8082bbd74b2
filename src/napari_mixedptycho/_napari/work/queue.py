"""The queue: what is to be run one after the other."""

from __future__ import annotations

from dataclasses import dataclass

from qtpy.QtCore import QObject, Signal

from napari_mixedptycho.control import PlantedSettings
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.recipe import Recipe

WAITS, RUNS = "waits", "runs"


@dataclass
class Waiting:
    """An entry of the queue.

    Attributes
    ----------
    name
        What the run will be called.
    recipe, dataset
        What to do, on what; a stationary control has neither, but those of the run that it is of.
    of
        The run whose stationary control, or planted motion, it is; nothing for others.
    planted
        The motion that is planted in the mean object of that run; None: none.
    state
        ``waits``, ``runs``, ``done``, ``stopped`` or ``failed``.
    note
        What was found, or what went wrong.
    """

    name: str
    recipe: Recipe | None = None
    dataset: Dataset | None = None
    of: str = ""
    planted: PlantedSettings | None = None
    state: str = WAITS
    note: str = ""

    @property
    def pending(self) -> bool:
        """Whether it waits or runs."""
        return self.state in (WAITS, RUNS)


class Queue(QObject):
    """Keeps the entries in order, and knows whether they are being worked off.

    Signals
    -------
    changed
        Something is to be written anew.
    """

    changed = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.entries: list[Waiting] = []
        self.working = False

    @property
    def current(self) -> Waiting | None:
        """The entry that runs."""
        return next((entry for entry in self.entries if entry.state == RUNS), None)

    @property
    def waiting(self) -> bool:
        """Whether an entry waits and will be taken."""
        return self.working and any(entry.state == WAITS for entry in self.entries)

    def add(self, *entries: Waiting) -> None:
        """Put entries at the end."""
        self.entries += entries
        self.changed.emit()

    def remove(self, index: int) -> Waiting | None:
        """Take an entry out and return it, unless it runs."""
        if not 0 <= index < len(self.entries) or self.entries[index].state == RUNS:
            return None
        entry = self.entries.pop(index)
        self.changed.emit()
        return entry

    def put_back(self, index: int, entry: Waiting) -> None:
        """Bring back an entry that was taken out."""
        self.entries.insert(min(index, len(self.entries)), entry)
        self.changed.emit()

    def move(self, index: int, step: int) -> None:
        """Move an entry."""
        target = index + step
        if 0 <= index < len(self.entries) and 0 <= target < len(self.entries):
            self.entries.insert(target, self.entries.pop(index))
            self.changed.emit()

    def take(self) -> Waiting | None:
        """Return the next entry, which runs from now on; None: nothing waits, or the queue is held."""
        following = next((entry for entry in self.entries if entry.state == WAITS), None)
        if not self.working or following is None:
            self.hold()
            return None
        following.state = RUNS
        self.changed.emit()
        return following

    def end(self, state: str, note: str = "") -> None:
        """Note how the entry that ran has ended."""
        if self.current is not None:
            self.current.note = note
            self.current.state = state
            self.changed.emit()

    def work(self) -> None:
        """Work off the entries from now on."""
        self.working = True
        self.changed.emit()

    def hold(self) -> None:
        """Take no other entry."""
        self.working = False
        self.changed.emit()
