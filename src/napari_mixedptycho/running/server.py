"""The process that computes one run: by one pipe it is asked and told, by another it answers."""

from __future__ import annotations

import faulthandler
import os
import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from napari_mixedptycho.running import parcel
from napari_mixedptycho.running.work import Work


def serve(requests: BinaryIO, answers: BinaryIO, folder: Path) -> None:
    """Do one run; ends, the result kept, when whoever asks for it is gone.

    Parameters
    ----------
    requests
        Of messages ``(method of Work, arguments, whether an answer is wanted)``; the first is `Work` itself.
    answers
        Of messages ``(whether it went well, value or exception)``.
    folder
        For large arrays; gone at the end.
    """
    work: Work | None = None
    try:
        while True:
            name, arguments, wanted = parcel.receive(requests)
            if work is None:
                work = Work(*arguments)
                continue
            packed = _done(work, name, arguments)
            if wanted:
                parcel.send(answers, packed, folder)
    except (EOFError, BrokenPipeError):
        pass
    finally:
        if work is not None:
            work.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Serve whoever has started this process, by its standard streams."""
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the window
    # Whatever else is printed goes where errors go.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    with suppress(BrokenPipeError), answers:
        serve(sys.stdin.buffer, answers, Path(sys.argv[1]))


def _done(work: Work, name: str, arguments: dict[str, Any]) -> parcel.Packed:
    """Do what is asked, and pack what came of it: no failure may end the run."""
    try:
        return parcel.pack((True, getattr(work, name)(**arguments)))
    except Exception as error:  # noqa: BLE001 - whatever it is, it must reach whoever asked
        return parcel.pack((False, error))
