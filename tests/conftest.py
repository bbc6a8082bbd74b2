"""Shared by all tests: no display, no OpenGL and no device are no excuse; the larger data files."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]

# One thread per BLAS call (for the programs that tests start, and here unless a plugin of pytest has already
# loaded NumPy), no window system where there is none, and not the settings of the person at the keyboard.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("NAPARI_CONFIG", "")
if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


def _qt_loads() -> bool:
    if importlib.util.find_spec("qtpy") is None:
        return False
    try:
        importlib.import_module("qtpy.QtWidgets")
    except (ImportError, RuntimeError):  # no binding, or its system libraries are missing
        return False
    return True


collect_ignore = [] if _qt_loads() else ["_napari"]


@functools.cache
def _has_gl() -> bool:
    """Whether an OpenGL context can be made; needs a running QApplication."""
    from qtpy.QtGui import QOpenGLContext

    return bool(QOpenGLContext().create())


@functools.cache
def _has_device() -> bool:
    try:
        cupy = importlib.import_module("cupy")
        return int(cupy.cuda.runtime.getDeviceCount()) > 0
    except (ImportError, RuntimeError):
        return False


def _pretend_gl(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer napari's two questions to OpenGL, so that layers and docks work without pixels."""
    importlib.import_module("napari._vispy.utils.gl")
    answers = {
        "get_gl_extensions": lambda: "GL_ARB_texture_float texture_float",
        "get_max_texture_sizes": lambda: (16384, 2048),
    }
    # Other modules hold these functions by name, hence every module of napari that has them.
    for module in [module for name, module in sys.modules.items() if name.startswith("napari.")]:
        for name, answer in answers.items():
            if name in vars(module):
                monkeypatch.setattr(module, name, answer)


@pytest.fixture(autouse=True)
def _window_without_gl(request: pytest.FixtureRequest) -> Iterator[None]:
    """Where no OpenGL can be had, skip what needs its pixels and let everything else of napari run."""
    wants_gl = request.node.get_closest_marker("gl") is not None
    wants_viewer = any(name.startswith("make_napari_viewer") for name in request.fixturenames)
    if wants_gl or wants_viewer:
        request.getfixturevalue("qapp")
    if not (wants_gl or wants_viewer) or _has_gl():
        yield
        return
    if wants_gl:
        pytest.skip("no OpenGL context")
    # Not the test's own `monkeypatch`, which it may undo while the viewer is still there.
    with pytest.MonkeyPatch.context() as patch:
        _pretend_gl(patch)
        yield


def pytest_configure(config: pytest.Config) -> None:
    """Where the tests run in several processes, see to it that these are not in each other's way."""
    if config.pluginmanager.hasplugin("xdist"):
        importlib.import_module("tests.workers").join(config)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """Return how many processes ``-n auto`` starts: none beside this one where there is one core."""
    if os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS"):
        return None
    workers = importlib.import_module("tests.workers")
    cores: int = workers.cores()
    return 0 if cores == 1 else min(cores, workers.MOST)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a GPU where there is none."""
    if item.get_closest_marker("gpu") is not None and not _has_device():
        pytest.skip("no CuPy or no CUDA device")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Repeat the checks of `./run test` that failed before pytest began."""
    if failed := os.environ.get("FAILED_CHECKS"):
        terminalreporter.section("checks that failed before the tests", red=True)
        terminalreporter.write_line(failed, red=True)


@pytest.fixture(scope="session")
def repository() -> Path:
    """Top folder of the repository."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the larger simulated data sets that are not in the repository; skips when absent."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the larger data files (../shared/data) are not here")
    return folder
