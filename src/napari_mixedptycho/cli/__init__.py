"""The command ``mixedptycho``: everything that the package does, without napari and without Qt."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

from napari_mixedptycho import __version__
from napari_mixedptycho.cli import (
    benchmark,
    bracket,
    calibrate,
    columns,
    compare,
    control,
    convert,
    demo,
    ensemble,
    export,
    figures,
    info,
    recipe,
    report,
    run,
    scan,
    simulate,
)
from napari_mixedptycho.engine.comm import ALONE, started
from napari_mixedptycho.errors import DivergedError, InputError

BAD_INPUT, FAILED, INTERRUPTED = 2, 1, 130
"""Exit codes; 0 is success."""


class _Parser(argparse.ArgumentParser):
    """Refuses in one sentence, as everything else here does."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{self.prog}: {message}; see {self.prog} --help.\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv
        Arguments after the program's name; None: those of the process.

    Returns
    -------
    int
        0, or 2 for bad input, 130 when interrupted, 1 for everything else that fails.
    """
    _write_utf8()
    try:
        arguments = _parser().parse_args(argv)
    except SystemExit as end:
        return int(end.code or 0)
    code = _guarded(arguments)
    arguments.comm.leave(code)
    return code


def _guarded(arguments: argparse.Namespace) -> int:
    """Turn whatever goes wrong into one sentence and an exit code."""
    try:
        if arguments.execute is not run.execute and (count := started()) > 1:
            raise InputError(f"{count} processes were started, but only `mixedptycho run` shares its work.")
        code = int(arguments.execute(arguments))
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader, `head` perhaps, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        print("mixedptycho: interrupted.", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the door to the user: no traceback unless asked for
        if arguments.debug:
            traceback.print_exc()
        else:
            print(f"mixedptycho: {_sentence(error)}", file=sys.stderr)
        return BAD_INPUT if isinstance(error, InputError) else FAILED


def _sentence(error: Exception) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, InputError | DivergedError):
        return text
    if isinstance(error, MemoryError):
        return f"there is not enough memory ({text or 'MemoryError'}); use fewer states or slices."
    if isinstance(error, OSError):
        return f"{error.filename or 'system'}: {error.strerror}." if error.strerror else text
    return f"failed with {type(error).__name__}: {text} (--debug shows where)"


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="mixedptycho",
        description="Mixed-object multislice electron ptychography: see the atoms, and how they move.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"mixedptycho {__version__}")
    parser.set_defaults(execute=lambda _: _help(parser), debug=False, comm=ALONE)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in (
        run,
        info,
        convert,
        calibrate,
        recipe,
        columns,
        scan,
        bracket,
        ensemble,
        control,
        compare,
        figures,
        export,
        report,
        simulate,
        demo,
        benchmark,
    ):
        added = command.add(commands)
        added.add_argument("--debug", action="store_true", help="show the traceback when something fails")
        added.set_defaults(execute=command.execute)
    return parser


def _help(parser: argparse.ArgumentParser) -> int:
    parser.print_help(sys.stderr)
    return BAD_INPUT


def _write_utf8() -> None:
    """Write UTF-8 also where the system's own encoding lacks Å and σ: a recipe is UTF-8 by definition."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure") and (stream.encoding or "").lower().replace("-", "") != "utf8":
            stream.reconfigure(encoding="utf-8", errors="replace")
