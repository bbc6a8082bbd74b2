"""Every kernel compiles for every architecture, within registers, with reads of whole complex numbers."""

from __future__ import annotations

import re

import pytest

from napari_mixedptycho.engine.gpu.launch import source
from tests.engine.gpu.nvrtc import Compiler, uses
from tests.engine.gpu.shim import kernels

NEWEST, LAST_WITH_VOLTA = Compiler("nvidia-cuda-nvrtc"), Compiler("nvidia-cuda-nvrtc-cu12")
COMMON = [75, 80, 86, 89, 90, 100, 120]
MOST_REGISTERS = 64
"""With so many, half of the threads that a multiprocessor can hold find room."""


def check(compiler: Compiler, architecture: int) -> None:
    log, _ = compiler.compile(source(), f"sm_{architecture}")
    found = uses(log)
    assert sorted(found) == sorted(kernels(source()))
    for name, use in found.items():
        assert use.spilled == 0, name
        assert use.registers <= MOST_REGISTERS, name
    # NVIDIA's farewell to an architecture is no fault of the source.
    assert [line for line in log.splitlines() if "warning" in line and "deprecated" not in line] == []


@pytest.mark.parametrize("architecture", COMMON)
def test_cuda_13(architecture: int) -> None:
    assert architecture in NEWEST.architectures()
    check(NEWEST, architecture)


def test_the_newest_architecture() -> None:
    check(NEWEST, NEWEST.architectures()[-1])


@pytest.mark.parametrize("architecture", [70, 90])
def test_cuda_12(architecture: int) -> None:
    check(LAST_WITH_VOLTA, architecture)


def test_a_spill_is_seen() -> None:
    crowded = source().replace("__launch_bounds__(THREADS)", "__launch_bounds__(1024, 2)")
    log, _ = NEWEST.compile(crowded, "sm_90")
    assert any(use.spilled for use in uses(log).values())


@pytest.mark.parametrize("name", ["shift", "enter", "transmit", "propagate", "back", "exit_back", "unshift"])
def test_waves_are_read_and_written_as_whole_numbers(name: str) -> None:
    _, code = NEWEST.compile(source(), "compute_90")
    body = code.split(f".entry {name}(")[1].split(".entry")[0]
    assert re.search(r"ld\.global(\.nc)?\.v2\.f32", body)
    assert not re.search(r"(ld|st)\.global(\.nc)?\.f32", body)


def test_newer_devices_add_both_parts_at_once() -> None:
    _, code = NEWEST.compile(source(), "compute_90")
    assert "v2.f32" in "".join(line for line in code.splitlines() if "atom." in line or "red." in line)
    _, code = NEWEST.compile(source(), "compute_80")
    assert "v2.f32" not in "".join(line for line in code.splitlines() if "atom." in line or "red." in line)
