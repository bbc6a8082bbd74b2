"""All that wants a GPU, in one go: tests for a real device, published sizes, time to the paper's result.

    python benchmarks/on_device.py OUT [--device gpu] [--short]

Writes OUT/tests.txt, OUT/benchmark.json and OUT/paper_size.json; goes on when one of them fails. `--short`
leaves out what takes more than some minutes. Otherwise gradient descent takes most of the time.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAM = "import sys; from napari_mixedptycho.cli import main; sys.exit(main())"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--device", default="gpu")
    parser.add_argument("--short", action="store_true")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    place, short = ["--device", arguments.device], arguments.short
    quick = ["--repeats", "1", "--only", "Gladyshev"] if short else []
    trial = ["--scale", "0.3", "--detector", "96", "--descent", "50"] if short else []
    tests = ["-m", "pytest", "-m", "gpu", "-q", str(HERE.parent / "tests")]
    steps = {
        "tests.txt": tests,
        "benchmark.json": ["-c", PROGRAM, "benchmark", "--json", *place, *quick],
        "paper_size.txt": [str(HERE / "paper_size.py"), str(arguments.out), *place, *trial],
    }
    codes = []
    for name, words in steps.items():
        done = subprocess.run([sys.executable, *words], stdout=subprocess.PIPE, text=True, cwd=HERE.parent)
        (arguments.out / name).write_text(done.stdout, encoding="utf-8")
        codes.append(done.returncode)
        print(f"{name}: {'done' if done.returncode == 0 else f'failed with {done.returncode}'}", flush=True)
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
