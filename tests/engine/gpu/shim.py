"""The source of the kernels compiled for the CPU, as a device."""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_mixedptycho.engine.gpu import twins
from napari_mixedptycho.engine.gpu.chunk import THREADS, Chunk
from napari_mixedptycho.engine.gpu.device import Host
from napari_mixedptycho.engine.gpu.launch import source

HERE = Path(__file__).parent
MOST_IMAGES = 3
"""Few blocks, so that the kernels must go on in steps."""
MARGIN = 2**16
"""Bytes before and after each array."""
DRIVER = """
#include "shim.h"
#include "{source}"
extern "C" int run(const char* name, unsigned blocks, unsigned images, unsigned threads, void** arguments)
{{
{calls}
    return 1;
}}
"""
WRITTEN = {"shift": 3, "enter": 3, "transmit": 3, "seen": 3, "compare": 5, "power": 1, "shift_slope": 4}
"""Arguments of which a kernel writes every element."""


def kernels(text: str) -> list[str]:
    """Return the names of all kernels."""
    return re.findall(r'^extern "C" __global__ void __launch_bounds__\(THREADS\)\n(\w+)\(', text, re.M)


class Shim(Host):
    """A device whose kernels are the compiled source; transforms are those of the host."""

    def __init__(self, library: Path) -> None:
        self.function = ctypes.CDLL(str(library)).run

    def launch(self, name: str, grid: tuple[int, int], *arguments: Any) -> None:
        """Run a kernel as a driver would, by pointers, each array within margins that must not change."""
        guarded = [None if isinstance(entry, Chunk) else Guarded(entry) for entry in arguments]
        packed = [
            entry.packed if guard is None else np.array([guard.address], np.uint64)
            for entry, guard in zip(arguments, guarded, strict=True)
        ]
        pointers = (ctypes.c_void_p * len(packed))(*(entry.ctypes.data for entry in packed))
        blocks, images = grid
        assert self.function(name.encode(), blocks, min(images, MOST_IMAGES), THREADS, pointers) == 0
        for guard in guarded:
            if guard is not None:
                guard.give_back(name)


class Guarded:
    """A copy of an array between two margins, whose bytes read as NaN."""

    def __init__(self, array: Any) -> None:
        assert array.flags.c_contiguous
        self.array = array
        self.memory = np.full(array.nbytes + 2 * MARGIN, 0xFF, np.uint8)
        self.inside = self.memory[MARGIN : MARGIN + array.nbytes]
        self.inside[:] = np.ravel(array).view(np.uint8)
        self.address = self.inside.ctypes.data

    def give_back(self, name: str) -> None:
        """Write back what the kernel wrote."""
        outside = (self.memory[:MARGIN] != 0xFF).any() or (self.memory[-MARGIN:] != 0xFF).any()
        assert not outside, f"{name} writes outside of an array"
        self.array[...] = self.inside.view(self.array.dtype).reshape(self.array.shape)


class Compared(Shim):
    """Runs each kernel beside its twin, on the same numbers, and compares all that either has written."""

    def __init__(self, library: Path) -> None:
        super().__init__(library)
        self.errors: dict[str, float] = {}

    def launch(self, name: str, grid: tuple[int, int], *arguments: Any) -> None:
        """Run the twin on copies, the kernel on the arrays."""
        if name in WRITTEN:
            arguments[WRITTEN[name]][...] = np.nan
        copies = [entry if isinstance(entry, Chunk) else entry.copy() for entry in arguments]
        getattr(twins, name)(*copies)
        super().launch(name, grid, *arguments)
        for one, other in zip(arguments, copies, strict=True):
            if not isinstance(one, Chunk):
                self.errors[name] = max(self.errors.get(name, 0.0), relative(one, other))


def relative(found: Any, expected: Any) -> float:
    """Return the length of the difference ÷ that of what is expected; NaN counts as infinite."""
    found, expected = (np.asarray(part).astype(np.complex128) for part in (found, expected))
    length = np.linalg.norm(expected)
    error = float(np.linalg.norm(found - expected) / (length or 1.0))
    return error if error == error else float("inf")


def compiled(folder: Path, text: str | None = None) -> Path:
    """Compile the source, or a changed one; skips where that cannot be done."""
    compiler = shutil.which("g++")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("no g++ on Linux: the kernels cannot be run on the CPU")
    as_it_is, text = text is None, text or source()
    (folder / "kernels.cu").write_text(text, "utf-8")
    calls = "\n".join(
        f'    if (!std::strcmp(name, "{name}"))\n'
        f"        return shim::launch({name}, blocks, images, threads, arguments), 0;"
        for name in kernels(text)
    )
    driver = DRIVER.format(source=folder / "kernels.cu", calls=calls)
    (folder / "driver.cpp").write_text(driver, "utf-8")
    library = folder / "kernels.so"
    flags = ["-std=c++17", "-O1", "-shared", "-fPIC", "-Wall", "-Wno-unknown-pragmas", f"-I{HERE}"]
    done = subprocess.run(
        [compiler, *flags, "driver.cpp", "-o", str(library)], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert not (as_it_is and done.stderr), done.stderr
    return library
