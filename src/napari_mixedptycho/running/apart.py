"""A run in a process of its own, asked and told by pipes.

The window and the engine then share neither Python's lock nor a fate: drawing does not slow the engine, and
what breaks the engine's process (a GPU's driver, the system when memory runs out) leaves the window as it is.
"""

from __future__ import annotations

import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import weakref
from contextlib import suppress
from dataclasses import replace
from multiprocessing import spawn
from pathlib import Path
from typing import Any, BinaryIO, cast

from napari_mixedptycho.one_pattern import Compared
from napari_mixedptycho.running import parcel
from napari_mixedptycho.running.job import Job
from napari_mixedptycho.running.news import Look

_ENGINE = "napari_mixedptycho.running"
"""The module that is run in the process."""


class SeatLostError(ConnectionError):
    """The process of a run has ended by itself: one sentence says how, and what to do."""


class Seat:
    """A process that waits for a run to compute; raises `OSError` where none can be started.

    It takes a second until Python and the engine are loaded, so one is got ready before it is needed.
    """

    def __init__(self) -> None:
        self.folder = parcel.new_folder()
        # Modules are found there as they are here, and not where somebody happens to be (-P).
        paths = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
        try:
            self.process = subprocess.Popen(
                [_python(), "-P", "-m", _ENGINE, str(self.folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=None if sys.stderr is not None else subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": paths},
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        self.requests = cast(BinaryIO, self.process.stdin)
        self.answers = cast(BinaryIO, self.process.stdout)

        self._leave = weakref.finalize(self, _send_away, self.process, self.folder)
        self._leave.atexit = False  # it notices by itself that this process is gone

    def close(self, *, wait: bool) -> None:
        """Send it away; it ends when its run has."""
        self._leave()
        if wait:
            self.process.wait()
            shutil.rmtree(self.folder, ignore_errors=True)


def _send_away(process: subprocess.Popen[bytes], folder: Path) -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(OSError):  # it is gone already
                stream.close()

    def end() -> None:
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)

    threading.Thread(target=end, name="end of a run's process", daemon=True).start()


class Apart:
    """A `Work` in another process.

    Parameters
    ----------
    job, copy
        As of `Work`.
    seat
        Where to compute.

    Raises
    ------
    Exception
        Whatever pickling raises where the data of the job cannot be handed over.
    """

    def __init__(self, job: Job, copy: Path, seat: Seat) -> None:
        still = None if job.still is None else job.still.replace(memory={})
        self._seat = seat
        self._first = parcel.pack(("Work", (replace(job, still=still), copy), False))
        self._asking = threading.Lock()
        self._out: queue.SimpleQueue[parcel.Packed | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write, name="mixedptycho requests")
        self._lost: SeatLostError | None = None

    def start(self) -> None:
        """Begin; once."""
        self._writer.start()
        self._out.put(self._first)
        del self._first
        self._tell("start")

    def pause(self) -> None:
        """Wait after the iteration in work."""
        self._tell("pause")

    def resume(self) -> None:
        """Go on after `pause`."""
        self._tell("resume")

    def step(self) -> None:
        """Do one iteration and wait again; what is not waiting waits after the one in work."""
        self._tell("step")

    def stop(self) -> None:
        """End after the iteration in work; what it found is kept."""
        self._tell("stop")

    def leave(self) -> None:
        """Let go of a run that is over; its process ends by itself."""
        self._close(wait=False)

    def shutdown(self) -> None:
        """End the run and wait for it."""
        self._close(wait=True)

    def look(self, *, resting: bool = False) -> Look:
        """Return what there is to be seen, as `Work.look` does; a lost process is an error of the run."""
        wishes = [resting, True]  # where memory is too short for the images, at least how the run stands
        while True:
            try:
                return cast(Look, self._ask("look", resting=wishes.pop(0)))
            except Exception as error:  # noqa: BLE001 - whatever it is, it must reach the screen
                if isinstance(error, SeatLostError) or not wishes:
                    return Look(over=True, error=error)

    def keep(self) -> Path | None:
        """Write the copy now, as `Work.keep` does."""
        with suppress(SeatLostError):  # whoever looks is told
            return cast("Path | None", self._ask("keep"))
        return None

    def save(self, path: Path) -> None:
        """Write the latest result to a file of the user's own; raises `OSError`."""
        self._ask("save", path=path)

    def compare(self, point: int) -> tuple[int, Compared] | None:
        """Compare the pattern of a scan point with the latest estimate, as `Work.compare` does."""
        with suppress(SeatLostError):  # whoever looks is told
            return cast("tuple[int, Compared] | None", self._ask("compare", point=point))
        return None

    def _tell(self, name: str, *, wanted: bool = False, **arguments: Any) -> None:
        self._out.put(parcel.pack((name, arguments, wanted)))

    def _ask(self, name: str, **arguments: Any) -> Any:
        """Ask and wait for the answer; raises `SeatLostError`, and what the asked one raises."""
        with self._asking:
            if self._lost is not None:
                raise self._lost
            self._tell(name, wanted=True, **arguments)
            try:
                well, value = parcel.receive(self._seat.answers)
            except (EOFError, OSError, ValueError):
                self._lost = _reason(self._seat.process)
                raise self._lost from None
        if not well:
            raise value
        return value

    def _write(self) -> None:
        while (packed := self._out.get()) is not None:
            try:
                parcel.send(self._seat.requests, packed, self._seat.folder)
            except (OSError, ValueError):  # nobody listens any more; whoever asks is told
                return

    def _close(self, *, wait: bool) -> None:
        self._out.put(None)
        self._writer.join()
        self._seat.close(wait=wait)


def _python() -> str:
    """Return what starts Python, also where Python is part of another program."""
    found: str | bytes = spawn.get_executable() or sys.executable
    return os.fsdecode(found)


def _reason(process: subprocess.Popen[bytes]) -> SeatLostError:
    """Say how a process ended."""
    try:
        code = process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        return SeatLostError("The engine's process does not answer any more.")
    if code == -getattr(signal, "SIGKILL", 9):
        how = (
            "was ended from outside, as systems do when memory runs out; take fewer states or slices, or a "
            "smaller part of the scan or of the detector"
        )
    elif code < 0:
        how = f"broke down ({signal.Signals(-code).name}); the window's terminal may say where"
    else:
        how = f"ended (exit code {code}); the window's terminal may say why"
    return SeatLostError(f"The engine's process {how}.")
