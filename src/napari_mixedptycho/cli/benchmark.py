"""``mixedptycho benchmark``: what an iteration costs on this machine."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from napari_mixedptycho import large_benchmark
from napari_mixedptycho._array import select
from napari_mixedptycho._device import chosen
from napari_mixedptycho.benchmark import CASES, Bench, Timing, machine
from napari_mixedptycho.cli._options import device, numbers, positive
from napari_mixedptycho.large_benchmark import ITERATIONS, LargeTiming, bandwidth, measure
from napari_mixedptycho.words import counted, size


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "benchmark",
        help="time an evaluation against the least that it needs",
        description="Small cases: time one evaluation of the loss and its gradient (object and probe), and "
        "the least number of Fourier transforms it needs, at the same size and threads, in turn. Large: "
        "problems of published size with synthetic counts, each kernel against the bytes that it must move; "
        "they want a GPU. See benchmarks/README.md.",
        allow_abbrev=False,
    )
    parser.add_argument("--json", action="store_true", help="print JSON: seconds, bytes")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the same JSON there after each case")
    parser.add_argument("--device", type=device, default="cpu", help="cpu (default), gpu, gpu:1 or auto")
    parser.add_argument(
        "--threads",
        type=numbers,
        default=(),
        metavar="N,…",
        help="small: CPU threads (default: all cores); several, as in 1,2, are timed in turn and compared",
    )
    parser.add_argument(
        "--fft", choices=("scipy", "fftw", "auto"), default="scipy", help="small: as run.fft (scipy)"
    )
    parser.add_argument(
        "--cases", choices=("small", "large"), help="default: large on a GPU, small on the CPU"
    )
    parser.add_argument("--only", metavar="NAME", help="large cases whose name contains this")
    parser.add_argument(
        "--repeats", type=positive, default=5, metavar="N", help="the median of N (default: 5)"
    )
    parser.add_argument("--scan", type=positive, default=24, metavar="N", help="small: N×N patterns (24)")
    return parser


def execute(arguments: argparse.Namespace) -> int:
    """Run the command."""
    bench = Bench(arguments.scan, arguments.repeats, arguments.threads, arguments.device, arguments.fft)
    facts = machine(bench)
    large = arguments.cases == "large" or (arguments.cases is None and select(arguments.device) is not np)
    found = _large(arguments, facts) if large else _small(arguments, bench, facts)
    if arguments.json:
        print(_json(facts, found), end="")
    return 0


def _json(facts: dict[str, Any], found: dict[str, Any]) -> str:
    return json.dumps({"machine": facts, **found}, indent=2) + "\n"


def _saved(arguments: argparse.Namespace, facts: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """Write what there is so far, if that is wanted, and return it."""
    if arguments.save is not None:
        arguments.save.write_text(_json(facts, found), encoding="utf-8")
    return found


def _small(arguments: argparse.Namespace, bench: Bench, facts: dict[str, Any]) -> dict[str, Any]:
    timings: list[Timing] = []
    measured: dict[str, Any] = {"timings": []}
    if not arguments.json:
        print(_title(facts))
        print(_HEAD)
    for case in CASES:
        timings += (found := bench.time(case))
        if not arguments.json:
            print("\n".join(_row(timing) for timing in found))
            sys.stdout.flush()
        rows = [{**asdict(timing), "ratio": timing.ratio} for timing in timings]
        measured = _saved(arguments, facts, {"timings": rows})
    return measured


_HEAD = "states  slices  modes  threads   evaluation   least FFTs   ratio   memory   speed"


def _row(timing: Timing) -> str:
    return (
        f"{timing.states:6d}  {timing.slices:6d}  {timing.modes:5d}  {timing.threads:7d}   "
        f"{timing.seconds:8.3f} s   {timing.transforms:8.3f} s   {timing.ratio:5.2f}   "
        f"{size(timing.memory):>6s}   × {timing.speedup:.2f}"
    )


def _title(facts: dict[str, Any]) -> str:
    return (
        f"{facts['patterns']} patterns of {facts['detector']} px, padded to {facts['size']}; "
        f"{facts['device']}, {facts['processor']}; transforms by {facts['fft']}; {_software(facts)}"
    )


def _software(facts: dict[str, Any]) -> str:
    names = {"python": "Python", "numpy": "NumPy", "scipy": "SciPy", "cupy": "CuPy"}
    return ", ".join(f"{name} {facts[key]}" for key, name in names.items() if key in facts)


def _large(arguments: argparse.Namespace, facts: dict[str, Any]) -> dict[str, Any]:
    for name in ("patterns", "detector", "size"):
        facts.pop(name)  # of the small cases
    xp = select(arguments.device)
    with chosen(xp, arguments.device):
        speed = bandwidth(xp)
    if not arguments.json:
        print(
            f"{facts['device']}, {facts['processor']}; {_software(facts)}; copies at {speed / 1e9:.0f} GB/s"
        )
    timings: list[LargeTiming] = []
    measured: dict[str, Any] = {"copy_bandwidth": speed, "timings": []}
    for case in large_benchmark.CASES:
        if arguments.only is None or arguments.only.lower() in case.name.lower():
            timings.append(measure(case, arguments.device, arguments.repeats))
            if not arguments.json:
                print("\n".join(_lines(timings[-1], speed)))
                sys.stdout.flush()
            records = [_record(timing, speed) for timing in timings]
            measured = _saved(arguments, facts, {"copy_bandwidth": speed, "timings": records})
    return measured


def _lines(timing: LargeTiming, speed: float) -> list[str]:
    case = timing.case
    beside = "" if case.published is None else f" (there {case.published:g} h)"
    return [
        "",
        f"{case.name}: {case.positions} positions, {case.detector}² padded to {case.padded}², "
        f"{counted(case.states, 'state')}, {counted(case.slices, 'slice')}, {counted(case.modes, 'mode')}; "
        f"{counted(timing.chunk, 'pattern')} at once",
        f"  iteration {timing.seconds * 1e3:.1f} ms; {ITERATIONS} take {timing.hours:.2f} h{beside}; "
        f"{timing.rate:.3g} pixel·slice·mode·state/s; {size(timing.memory)}",
        *(
            f"  {kernel.name:12s} {kernel.seconds * 1e3:9.2f} ms  {kernel.bytes / 1e9:8.2f} GB  "
            f"{kernel.multiple(speed):6.2f} × its bytes"
            for kernel in sorted(timing.kernels, key=lambda kernel: -kernel.seconds)
        ),
    ]


def _record(timing: LargeTiming, speed: float) -> dict[str, Any]:
    kernels = [{**asdict(kernel), "multiple": kernel.multiple(speed)} for kernel in timing.kernels]
    return {**asdict(timing), "kernels": kernels, "hours": timing.hours, "rate": timing.rate}
