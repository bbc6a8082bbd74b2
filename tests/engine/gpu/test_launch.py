"""The launcher and the choice, with a stand-in for CuPy whose kernels are the compiled source."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from napari_mixedptycho.engine.gpu import fused, launch
from napari_mixedptycho.engine.gpu.chunk import THREADS, Chunk
from napari_mixedptycho.engine.gpu.device import Host
from napari_mixedptycho.engine.view import View
from tests.engine.gpu.cases import Case, evaluated
from tests.engine.gpu.shim import Shim, compiled, kernels
from tests.physics.toys import Toy


class StandIn:
    """What the launcher takes from CuPy: compiling, launching, planning."""

    def __init__(self, library: Path) -> None:
        self.shim, self.compiled, self.planned = Shim(library), 0, list[tuple[int, ...]]()
        self.broken: str | None = None

    def RawModule(self, code: str) -> Any:  # noqa: N802 - CuPy's name
        assert code == launch.source()
        self.compiled += 1
        return SimpleNamespace(get_function=self._function)

    def _function(self, name: str) -> Any:
        assert name in kernels(launch.source())

        def kernel(grid: tuple[int, int], block: tuple[int], arguments: tuple[Any, ...]) -> None:
            assert block == (THREADS,)
            assert max(grid[1:]) <= 65535
            *arrays, packed = arguments
            # CuPy passes an array of the host by value, if it has one entry.
            assert packed.size == 1
            assert packed.dtype.itemsize == 4 * len(packed.dtype.names)
            self.shim.launch(name, grid, *arrays, Chunk(*packed[0].item()))
            if name == self.broken:
                arrays[-1][...] *= np.float32(1.1)

        return kernel

    def plan(self, waves: Any) -> Any:
        self.planned.append(waves.shape)

        def fft(one: Any, other: Any, direction: int) -> None:
            assert one is other
            assert one.shape == waves.shape
            Host().transform(one, inverse={-1: False, 1: True}[direction])

        return SimpleNamespace(fft=fft)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("kernels"))


@pytest.fixture
def cupy(library: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    stand_in = StandIn(library)
    monkeypatch.setattr(fused, "namespace", lambda array: stand_in)
    monkeypatch.setattr(launch, "plan_fft2", stand_in.plan)
    return stand_in


def view() -> View:
    return Case(Toy(2, 2, 2, 7, 10, single=True), chunk=2).view()


def test_a_view_on_a_device_is_evaluated_by_the_kernels(cupy: StandIn) -> None:
    there = view()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        share = there.lane(np.arange(5))
    assert there.problem.kept["device"] is not None
    assert fused.difference(share, evaluated(there, None)) < 1e-5


def test_it_is_compiled_planned_and_checked_once(cupy: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    there, checked = view(), []
    proven = fused.proven
    monkeypatch.setattr(fused, "proven", lambda *arguments: checked.append(1) or proven(*arguments))
    for _ in range(3):
        there.lane(np.arange(5))
    assert (cupy.compiled, len(checked)) == (1, 1)
    assert sorted(cupy.planned) == [(2, 10, 10), (4, 10, 10), (8, 10, 10)]
    replace(there, refined=frozenset({"object"})).lane(np.arange(5))
    assert (cupy.compiled, len(checked)) == (1, 2)


def test_plans_do_not_pile_up(cupy: StandIn) -> None:
    device = launch.Cuda(cupy)  # type: ignore[arg-type]
    for count in range(1, 30):
        device.prepare(np.zeros((count, 4, 4), np.complex64))
    assert len(device._plans) <= 8


@pytest.mark.parametrize("broken", ["unshift", "transmit"])
def test_a_wrong_kernel_costs_a_warning_and_time_only(cupy: StandIn, broken: str) -> None:
    cupy.broken = broken
    there = view()
    with pytest.warns(RuntimeWarning, match="fused GPU kernels are not used"):
        share = there.lane(np.arange(5))
    assert fused.difference(share, evaluated(there, None)) == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        there.lane(np.arange(5))


def test_the_source_can_be_written_in_any_encoding() -> None:
    assert launch.source().isascii()  # CuPy writes it to a file, in the encoding of the system


def test_many_images_go_on_in_steps(cupy: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[tuple[int, int]] = []
    monkeypatch.setattr(cupy, "_function", lambda name: lambda grid, block, arguments: called.append(grid))
    launch.Cuda(cupy).launch("enter", (3, 100_000))  # type: ignore[arg-type]
    assert called == [(3, 65535)]
