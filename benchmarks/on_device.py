"""All that wants a GPU, in one go: tests for a real device, published sizes, time to the paper's result.

    python benchmarks/on_device.py OUT [--device gpu] [--only tests,large,paper] [--minutes 9] [--short]

Needs CuPy, h5py, NumPy, SciPy, scikit-image, pydantic, tomlkit and, for the tests, pytest; the package need
not be installed, and neither napari nor Qt be there. Says first what is missing. Every step writes its file
while it works, so that one that is ended early leaves what it has: OUT/device.txt, OUT/tests.txt,
OUT/large.txt and OUT/large.json (each case when it is done), OUT/paper.txt and OUT/paper_size.json. A step
that takes more than `--minutes` is ended, and the next one begun. `--short` leaves out what takes more than
some minutes; the whole of `paper` takes hours.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent / "tests"
PROGRAM = "import sys; from napari_mixedptycho.cli import main; sys.exit(main())"
LOOK = """
import sys
from napari_mixedptycho._array import select
from napari_mixedptycho._device import devices
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.result import versions
try:
    xp = select(sys.argv[1])
except InputError as error:
    sys.exit(str(error))
print(*devices(), {**versions(), xp.__name__: xp.__version__}, sep="\\n")
"""
TOO_LONG = 124


def steps(out: Path, arguments: argparse.Namespace) -> dict[str, list[str]]:
    """Return what Python is to run, by the name of the step."""
    place, short = ["--device", arguments.device], arguments.short
    quick = ["--repeats", "1", "--only", "Gladyshev"] if short else []
    trial = ["--scale", "0.3", "--detector", "96", "--descent", "50"] if short else []
    marked = [str(file) for file in sorted(TESTS.rglob("test_*.py")) if "mark.gpu" in file.read_text("utf-8")]
    size = ["large"] if arguments.device.startswith("gpu") else ["small"]
    large = ["-c", PROGRAM, "benchmark", "--cases", *size, "--save", str(out / "large.json"), *place, *quick]
    return {
        "tests": ["-m", "pytest", "-m", "gpu", "-v", "-p", "no:cacheprovider", *marked],
        "large": large,
        "paper": [str(HERE / "paper_size.py"), str(out), *place, *trial],
    }


def run(words: list[str], file: Path, seconds: float | None) -> int:
    """Run Python; what it prints goes straight into a file. Return its code; `TOO_LONG`: it was ended."""
    source = os.pathsep.join([str(HERE.parent / "src"), str(HERE.parent), os.environ.get("PYTHONPATH", "")])
    settings = {"PYTHONPATH": source, "PYTHONUNBUFFERED": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    with file.open("w", encoding="utf-8") as printed:
        try:
            return subprocess.run(
                [sys.executable, *words],
                stdout=printed,
                stderr=subprocess.STDOUT,
                cwd=HERE.parent,
                env={**os.environ, **settings},
                timeout=seconds,
            ).returncode
        except subprocess.TimeoutExpired:
            return TOO_LONG


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--device", default="gpu")
    parser.add_argument("--only", default="tests,large,paper", help="steps, separated by commas")
    parser.add_argument("--minutes", type=float, help="end a step that takes longer")
    parser.add_argument("--short", action="store_true")
    arguments = parser.parse_args()
    out = arguments.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    seconds = None if arguments.minutes is None else 60 * arguments.minutes
    there = run(["-c", LOOK, arguments.device], out / "device.txt", seconds)
    print((out / "device.txt").read_text("utf-8").strip(), flush=True)
    if there:
        return there
    codes, known = [], steps(out, arguments)
    for name in arguments.only.split(","):
        began, file = time.monotonic(), out / f"{name}.txt"
        codes.append(run(known[name], file, seconds))
        ended = {0: "done", TOO_LONG: "ended before it was done"}.get(codes[-1], f"failed with {codes[-1]}")
        print(f"{file.name}: {ended} after {time.monotonic() - began:.0f} s", flush=True)
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
