"""The runs of this session: what each was asked, what it has found, where its copy is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_mixedptycho.analysis import Verdict
from napari_mixedptycho.analysis.recovery import Recovery
from napari_mixedptycho.control import PlantedSettings
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.prepare import open_dataset
from napari_mixedptycho.result import Result
from napari_mixedptycho.running.job import Job

ROOM = 2 * 2**30
"""Bytes that results of earlier runs may take; beyond, the oldest are read from their files when needed."""


@dataclass
class Entry:
    """One run.

    Attributes
    ----------
    name
        As in its layers.
    job
        What was asked; None for a result that was opened.
    result
        The newest; None before the first iteration, or while it waits in its file.
    state
        ``running``, ``paused``, ``finished``, ``stopped``, ``failed`` or ``opened``.
    file
        Where the result is, or is copied to; None: nowhere yet.
    of
        The run whose stationary control, or planted motion, this is; nothing for others.
    plan
        The motion that was planted, of a run that was taken over from a dock before; None: none.
    verdict, drift
        Whether its motion is above what its control shows (None: not known), and that one still changes.
    recovery
        How much of a motion planted in its mean object the same recipe has found; None: not known.
    note
        What was found, or what went wrong.
    ticked
        Whether it is one of those to be seen beside each other.
    """

    name: str
    job: Job | None = None
    result: Result | None = None
    state: str = "running"
    file: Path | None = None
    of: str = ""
    note: str = ""
    ticked: bool = False
    plan: PlantedSettings | None = None
    verdict: Verdict | None = None
    drift: str = ""
    recovery: Recovery | None = None

    @property
    def planted(self) -> PlantedSettings | None:
        """The motion that was planted for this run; None for others."""
        return self.plan if self.job is None else self.job.planted

    def needed(self) -> Result:
        """Return the result, read from its file where it waits there; raises `InputError`."""
        if self.result is None and self.file is not None:
            self.result = Result.load(self.file)
        if self.result is None:
            raise InputError(f"Of {self.name} only layers are left; its result was not saved, or is gone.")
        return self.result

    def find_data(self) -> None:
        """Open the data of a result that was opened or taken over, where they are at hand."""
        # Those of a stationary control are not those of its file.
        if self.job is None and not self.of and self.result is not None:
            with suppress(InputError):
                self.job = Job(self.result.recipe, open_dataset(self.result.recipe))


class Book(QObject):
    """Keeps the runs in order.

    Earlier results stay in memory without what only their solver remembers, and within `ROOM`.

    Signals
    -------
    changed
        Something is to be written anew.
    """

    changed = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.entries: list[Entry] = []
        self.a = self.b = ""
        self._deleted: list[tuple[int, Entry]] = []
        self._read: tuple[Path, int, Result] | None = None

    def add(self, entry: Entry) -> Entry:
        """Add a run; the earlier ones make room."""
        self.entries.append(entry)
        self._tidy()
        self.changed.emit()
        return entry

    def find(self, name: str) -> Entry:
        """Return a run by its name; raises `InputError`."""
        for entry in self.entries:
            if entry.name == name:
                return entry
        raise InputError(f"There is no run called {name!r}.")

    def of(self, result: Result | None) -> Entry | None:
        """Return the run that a result is of; None: of none."""
        found = (entry for entry in self.entries if result is not None and entry.result is result)
        return next(found, None)

    @property
    def waiting(self) -> set[Path]:
        """The files in which results wait that are not in memory: of the table, and of what may come back."""
        entries = [*self.entries, *(entry for _, entry in self._deleted)]
        return {entry.file for entry in entries if entry.result is None and entry.file is not None}

    def control_run(self, name: str) -> Entry | None:
        """Return the last run that is the stationary control of another one; None: there is none here."""
        return next((entry for entry in self._ended_of(name) if entry.planted is None), None)

    def planted_run(self, name: str) -> Entry | None:
        """Return the last run of a motion that was planted in another one; None: there is none here."""
        return next((entry for entry in self._ended_of(name) if entry.planted is not None), None)

    def _ended_of(self, name: str) -> Iterator[Entry]:
        return (run for run in reversed(self.entries) if run.of == name and run.state == "finished")

    def control_of(self, result: Result) -> Result | None:
        """Return the stationary control of a result: run here, or left beside its file before."""
        entry = self.of(result)
        if entry is None:
            return None
        run = self.control_run(entry.name)
        if run is not None:
            return run.needed()
        if entry.file is None:
            return None
        with suppress(InputError, OSError):
            still = self._beside(entry.file.with_suffix(".control") / "control.h5")
            return still if still.geometry == result.geometry else None
        return None

    def recovery_of(self, result: Result) -> Recovery | None:
        """Return what was found of a motion planted in a result: here, or beside its file before."""
        entry = self.of(result)
        if entry is None or entry.recovery is not None or entry.file is None:
            return None if entry is None else entry.recovery
        return Recovery.read(entry.file.with_suffix(".control") / "control.json")

    def _beside(self, file: Path) -> Result:
        """Return a control from its file, which is read anew only when it has changed."""
        stamp = file.stat().st_mtime_ns
        if self._read is None or self._read[:2] != (file, stamp):
            self._read = file, stamp, Result.load(file)
        return self._read[2]

    def rename(self, name: str, new: str) -> None:
        """Call a run something else; raises `InputError` when the name is taken or empty."""
        new = new.strip()
        if not new or "]" in new:
            raise InputError("Give the run a name, without a closing bracket.")
        if new != name and any(entry.name == new for entry in self.entries):
            raise InputError(f"There is a run called {new!r} already.")
        self.find(name).name = new
        self.a, self.b = (new if chosen == name else chosen for chosen in (self.a, self.b))
        for entry in self.entries:
            entry.of = new if entry.of == name else entry.of
        self.changed.emit()

    def rename_deleted(self, name: str, new: str) -> None:
        """Call a run that was deleted, and may come back, something else."""
        for _, entry in self._deleted:
            entry.name = new if entry.name == name else entry.name

    def delete(self, name: str) -> Entry:
        """Take a run out; `restore` brings it back."""
        entry = self.find(name)
        self._deleted.append((self.entries.index(entry), entry))
        self.entries.remove(entry)
        self.a, self.b = ("" if chosen == name else chosen for chosen in (self.a, self.b))
        self.changed.emit()
        return entry

    def restore(self) -> Entry | None:
        """Bring back the run that was deleted last; None: there is none."""
        if not self._deleted:
            return None
        index, entry = self._deleted.pop()
        self.entries.insert(min(index, len(self.entries)), entry)
        self.changed.emit()
        return entry

    @property
    def restorable(self) -> bool:
        """Whether a run can be brought back."""
        return bool(self._deleted)

    def choose(self, which: str, name: str) -> None:
        """Take a run as A or B; what was the other one is no longer."""
        if which == "a":
            self.a, self.b = name, "" if self.b == name else self.b
        else:
            self.b, self.a = name, "" if self.a == name else self.a
        self.changed.emit()

    def tick(self, name: str) -> None:
        """Take a run among those to be seen beside each other, or out of them; raises `InputError`."""
        entry = self.find(name)
        entry.ticked = not entry.ticked
        self.changed.emit()

    @property
    def together(self) -> tuple[str, ...]:
        """The runs to be seen beside each other: those with a tick, else A and B; nothing for fewer."""
        ticked = tuple(entry.name for entry in self.entries if entry.ticked)
        both = (self.a, self.b) if self.a and self.b else ()
        return ticked if len(ticked) > 1 else both

    def _tidy(self) -> None:
        taken = 0
        for entry in reversed(self.entries[:-1]):
            if entry.result is None or entry.state in ("running", "paused"):
                continue
            if entry.result.memory:
                entry.result = entry.result.replace(memory={})
            taken += _bytes(entry.result)
            if taken > ROOM and entry.file is not None and entry.file.is_file():
                entry.result = None


def _bytes(result: Result) -> int:
    arrays: list[Any] = [getattr(result.estimate, part.name) for part in fields(result.estimate)]
    return sum(int(getattr(array, "nbytes", 0)) for array in arrays)
