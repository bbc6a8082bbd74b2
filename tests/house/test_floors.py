"""The floor plan: a room imports only lower floors, and the heavy neighbours live in one room each."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = "napari_mixedptycho"
ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / PACKAGE

# The cellar (-1) is under every room. A room is a file or a folder straight under the package.
FLOORS = {
    "__init__": -1,
    "errors": -1,
    "words": -1,
    "_array": 0,
    "binning": 0,
    "new_hdf5": 0,
    "settings": 0,
    "stored": 0,
    "optics": 0,
    "orientation": 0,
    "_device": 1,
    "_fourier": 1,
    "dataset": 1,
    "geometry": 2,
    "io": 2,
    "exchange": 2,
    "calibration": 2,
    "guess": 2,
    "engine": 2,
    "run_settings": 2,
    "data_settings": 2,
    "recipe": 3,
    "imaging": 3,
    "preprocess": 3,
    "simulate": 4,
    "result": 4,
    "checks": 4,
    "calibrated": 4,
    "warm_start": 5,
    "workload": 5,
    "checkpoint": 5,
    "variants": 5,
    "prepare": 6,
    "memory": 7,
    "one_pattern": 7,
    "benchmark": 7,
    "crew": 7,
    "large_benchmark": 7,
    "analysis": 8,
    "effort": 8,
    "outlook": 8,
    "reconstruct": 8,
    "scan": 9,
    "bracket": 9,
    "control": 9,
    "export": 9,
    "thumbnails": 9,
    "cli": 10,
    "running": 10,
    "__main__": 11,
    "_napari": 11,
}

# Third-party name -> the only places (module prefixes inside the package) that may import it.
WINDOW = ("_napari",)
LODGERS = {
    "cupy": ("_array",),
    "cupyx": ("_array", "_device"),
    "mpi4py": ("engine.comm",),
    "pyfftw": ("_fourier",),
    **dict.fromkeys(("hdf5plugin", "rsciio", "tifffile", "zarr"), ("io",)),
    "abtem": (),
    "ase": ("simulate.ase_file",),
    "matplotlib": ("analysis.figures",),
    **dict.fromkeys(("napari", "qtpy", "magicgui", "superqt", "pyqtgraph"), WINDOW),
    # Qt only through qtpy; nothing is ever pickled but what two processes of our own say to each other.
    **dict.fromkeys(("PyQt5", "PyQt6", "PySide2", "PySide6", "dill", "cloudpickle", "joblib"), ()),
    "pickle": ("running.parcel",),
}

# Where the name that is imported is not the name that is installed.
DISTRIBUTIONS = {"skimage": "scikit-image", "rsciio": "rosettasciio"}
# Come with what is declared, as the vocabulary of its interface: of napari, and of pydantic.
CARRIED_ALONG = {"npe2", "psygnal", "vispy", "pydantic_core", "annotated_types"}


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name inside it; a folder counts as its ``__init__``."""
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        name = ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)
        found[name] = path
    return found


def imports(source: str) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything imported anywhere in a module, inside functions too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def home_offence(module: str, imported: str) -> str | None:
    """Judge an import within the package; `imported` is what follows the package's name."""
    mine, theirs = module.split(".")[0], imported.split(".")[0]
    if theirs not in FLOORS:
        # ``from napari_mixedptycho import __version__``: the package itself, which holds nothing else.
        return None if theirs in {"", "__version__"} else f"imports {theirs}, which has no floor"
    if mine == theirs or FLOORS[theirs] < FLOORS[mine]:
        return None
    relation = "its sibling" if FLOORS[theirs] == FLOORS[mine] else "the higher floor of"
    return f"imports {relation} {theirs}"


def offences(module: str, source: str) -> list[str]:
    """Every import of `module` that the floor plan forbids, as sentences."""
    found = []
    for line, name in imports(source):
        top = name.split(".")[0]
        fault = None
        if name.startswith("."):
            fault = "imports relatively; say the whole name"
        elif top == PACKAGE:
            fault = home_offence(module, name.removeprefix(PACKAGE).lstrip("."))
        elif top in LODGERS and not any(f"{module}.".startswith(f"{host}.") for host in LODGERS[top]):
            fault = f"imports {top}, which is allowed only in {', '.join(LODGERS[top]) or 'no room'}"
        if fault:
            found.append(f"{module}, line {line}: {fault}")
    return found


def test_every_room_has_a_floor() -> None:
    homeless = {name.split(".")[0] for name in modules()} - set(FLOORS)
    assert not homeless, f"give these rooms a floor in the plan (CONTRIBUTING.md and here): {homeless}"


def test_rooms_import_only_lower_floors() -> None:
    known = {name: path for name, path in modules().items() if name.split(".")[0] in FLOORS}
    found = [o for name, path in known.items() for o in offences(name, path.read_text("utf-8"))]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("engine.forward", "from napari_mixedptycho.recipe import Recipe"),
        ("engine.forward", "import napari_mixedptycho.guess"),
        ("engine.forward", "from napari_mixedptycho import io"),
        ("engine.forward", "from .multislice import propagate"),
        ("engine.forward", "import cupy as cp"),
        ("analysis.columns", "def f():\n    import matplotlib.pyplot"),
        ("analysis.columns", "from napari_mixedptycho.reconstruct import reconstruct"),
        ("cli", "import napari"),
        ("reconstruct", "from napari_mixedptycho.analysis.columns import find"),
        ("cli", "from napari_mixedptycho._napari import dock"),
        ("_napari.dock", "from PyQt6.QtWidgets import QWidget"),
        ("result", "import pickle"),
        ("optics", "from napari_mixedptycho.cellar import wine"),
    ],
)
def test_an_offence_is_seen(module: str, line: str) -> None:
    assert offences(module, line)


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("engine.forward", "from napari_mixedptycho.engine.multislice import propagate"),
        ("engine.forward", "from napari_mixedptycho.errors import InputError"),
        ("engine.forward", "from napari_mixedptycho import optics"),
        ("settings", "from napari_mixedptycho.errors import InputError"),
        ("result", "from napari_mixedptycho import __version__"),
        ("_array", "import cupy"),
        ("analysis.figures", "from matplotlib.figure import Figure"),
        ("_napari.dock", "from qtpy.QtWidgets import QWidget"),
    ],
)
def test_what_the_plan_allows_passes(module: str, line: str) -> None:
    assert offences(module, line) == []


def test_every_import_is_a_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lines = [*project["dependencies"], *(d for e in project["optional-dependencies"].values() for d in e)]
    declared = {re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0].lower() for line in lines}
    # CuPy has one name to import and a wheel for each version of CUDA.
    known = declared | {PACKAGE, "cupy", "cupyx"} | CARRIED_ALONG | set(sys.stdlib_module_names)
    unknown = {
        f"{name}: {imported.split('.')[0]}"
        for name, path in modules().items()
        for _, imported in imports(path.read_text("utf-8"))
        if DISTRIBUTIONS.get(top := imported.split(".")[0], top) not in known and top
    }
    assert not unknown, f"declare these in pyproject.toml: {sorted(unknown)}"
