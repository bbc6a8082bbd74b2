"""``mixedptycho benchmark``: what an iteration costs on this machine."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from typing import Any

from napari_mixedptycho.benchmark import CASES, Bench, Timing, machine
from napari_mixedptycho.cli._options import positive
from napari_mixedptycho.cli._progress import size


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "benchmark",
        help="time an evaluation against the least number of Fourier transforms",
        description="Time one evaluation of the loss and its gradient (object and probe), and the least "
        "number of Fourier transforms it needs, at the same size and threads, in turn.",
        allow_abbrev=False,
    )
    parser.add_argument("--json", action="store_true", help="print JSON: seconds, bytes")
    parser.add_argument("--device", choices=("auto", "cpu", "gpu"), default="cpu", help="default: cpu")
    parser.add_argument("--threads", type=positive, metavar="N", help="CPU threads (default: all cores)")
    parser.add_argument(
        "--repeats", type=positive, default=5, metavar="N", help="the median of N (default: 5)"
    )
    parser.add_argument("--scan", type=positive, default=24, metavar="N", help="N×N patterns (default: 24)")
    return parser


def execute(arguments: argparse.Namespace) -> int:
    """Run the command."""
    bench = Bench(arguments.scan, arguments.repeats, arguments.threads, arguments.device)
    facts = machine(bench)
    timings: list[Timing] = []
    if not arguments.json:
        print(_title(facts))
        print(_HEAD)
    for case in CASES:
        timings.append(bench.time(case))
        if not arguments.json:
            print(_row(timings[-1]))
            sys.stdout.flush()
    if arguments.json:
        rows = [{**asdict(timing), "ratio": timing.ratio} for timing in timings]
        print(json.dumps({"machine": facts, "timings": rows}, indent=2))
    return 0


_HEAD = "states  slices  modes   evaluation   least FFTs   ratio   memory"


def _row(timing: Timing) -> str:
    return (
        f"{timing.states:6d}  {timing.slices:6d}  {timing.modes:5d}   {timing.seconds:8.3f} s   "
        f"{timing.transforms:8.3f} s   {timing.ratio:5.2f}   {size(timing.memory)}"
    )


def _title(facts: dict[str, Any]) -> str:
    return (
        f"{facts['patterns']} patterns of {facts['detector']} px, padded to {facts['size']}; "
        f"{facts['device']}, {facts['threads']} thread(s), {facts['processor']}; "
        f"Python {facts['python']}, NumPy {facts['numpy']}, SciPy {facts['scipy']}"
    )
