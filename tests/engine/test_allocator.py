"""Freed memory is kept where the C library can be told so, and the call never fails elsewhere."""

from __future__ import annotations

import ctypes
import platform
import subprocess
import sys

import pytest

from napari_mixedptycho.engine.allocator import keep_freed_memory

FAULTS = """
import resource, numpy as np
from napari_mixedptycho.engine.allocator import keep_freed_memory
if {told}: assert keep_freed_memory()
def work():
    for _ in range(50):
        parts = [np.ones(2**20) for _ in range(4)]
        del parts
work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(told: bool) -> int:
    code = FAULTS.format(told=told)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_arrays_are_not_cleared_anew() -> None:
    assert faults(told=True) < 0.1 * faults(told=False)


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_freed_memory.cache_clear()
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    assert not keep_freed_memory()
    monkeypatch.setattr(sys, "platform", "win32")
    keep_freed_memory.cache_clear()
    assert not keep_freed_memory()
    keep_freed_memory.cache_clear()
