"""Everything but the window works where napari, Qt and CuPy are not installed."""

from __future__ import annotations

import subprocess
import sys

BLOCK = """
import importlib, importlib.abc, pkgutil, sys

BLOCKED = {"napari", "npe2", "qtpy", "magicgui", "superqt", "pyqtgraph", "cupy", "cupyx", "mpi4py",
           "PyQt5", "PyQt6", "PySide2", "PySide6", "rsciio", "hdf5plugin", "abtem"}


class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {name!r} (blocked by the test)", name=name)
        return None


sys.meta_path.insert(0, Absent())
"""

IMPORT_ALL = """
import napari_mixedptycho as package

count = 0
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    parts = module.name.split(".")
    if parts[1] == "_napari" or parts[-1] == "__main__":
        continue
    importlib.import_module(module.name)
    count += 1
assert count > 10, f"only {count} modules were found"
"""

HELP = """
from napari_mixedptycho.cli import main

try:
    code = main(["--help"])
except SystemExit as end:
    code = end.code
assert not code, f"exit code {code}"
"""


def run_blocked(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", BLOCK + code], capture_output=True, text=True, timeout=120
    )


def test_every_module_but_the_window_imports_without_napari_qt_and_cupy() -> None:
    done = run_blocked(IMPORT_ALL)
    assert done.returncode == 0, done.stderr


def test_the_command_line_explains_itself_without_napari_qt_and_cupy() -> None:
    done = run_blocked(HELP)
    assert done.returncode == 0, done.stderr
    for command in ("run", "info", "columns", "recipe", "demo", "benchmark"):
        assert command in done.stdout


def test_the_block_blocks() -> None:
    done = run_blocked("import napari")
    assert done.returncode != 0
    assert "blocked by the test" in done.stderr
