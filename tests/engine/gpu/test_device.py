"""On a real device: what `View` gives on the CPU, twice the same, and what happens when something fails."""

from __future__ import annotations

import warnings
from dataclasses import fields, replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from napari_mixedptycho._array import select
from napari_mixedptycho._device import Upload, devices
from napari_mixedptycho.engine.forward import Objective
from napari_mixedptycho.engine.gpu import fused
from napari_mixedptycho.engine.gpu.lane import Lane
from napari_mixedptycho.engine.gpu.launch import Cuda
from napari_mixedptycho.engine.losses import AmplitudeLoss, AnscombeLoss, IntensityLoss, PoissonLoss
from napari_mixedptycho.engine.patterns import Streamed
from napari_mixedptycho.engine.view import View
from tests.engine.gpu.cases import EVERYTHING, POSITIONS, Case, evaluated
from tests.physics.toys import Toy
from tests.small import standard, steps

pytestmark = pytest.mark.gpu
CLOSE = 1e-4


def toy(
    states: int = 2, slices: int = 2, modes: int = 2, size: tuple[int, int] = (8, 12), kind: str = "phase"
) -> Toy:
    return Toy(states, slices, modes, *size, kind, single=True, points=24)


CASES = [
    *(
        Case(toy(states, slices, modes, size, kind), chunk=7)
        for states, slices, modes, size, kind in [
            (1, 1, 1, (8, 8), "phase"),
            (3, 2, 1, (17, 17), "complex"),
            (2, 3, 5, (61, 61), "phase"),
            (10, 2, 1, (64, 96), "phase"),
            (2, 6, 12, (32, 40), "complex"),
        ]
    ),
    *(Case(toy(), loss, masked=True) for loss in (IntensityLoss(), AmplitudeLoss(), AnscombeLoss())),
    *(Case(toy(), PoissonLoss(), stored) for stored in ("u1", "u2", "u4", "f2", "i4")),
    Case(toy(), deterministic=True),
    Case(toy(), refined=(*POSITIONS, "tilt", "spacing"), more=("tilt", "spacing")),
    Case(toy(), refined=EVERYTHING, more=EVERYTHING[3:]),
    Case(toy(), refined=()),
]


@pytest.fixture(scope="module")
def cupy() -> ModuleType:
    return select("gpu")


def there(case: Case, xp: ModuleType) -> View:
    """Return the view of a case on the device."""
    view, estimate = case.view(), case.estimate()
    problem = view.problem
    moved = {name: xp.asarray(getattr(problem, name)) for name in ("measured", "weight", "propagator")}
    large = ("object", "probe", "background")
    arrays = {entry.name: getattr(estimate, entry.name) for entry in fields(estimate) if entry.name in large}
    placed = {name: xp.asarray(part) for name, part in arrays.items() if part is not None}
    whole = (np.arange(problem.count),)
    problem = replace(problem, **moved, lanes=whole, threads=1)
    return View.of(problem, replace(estimate, **placed), view.loss, tuple(view.refined))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_device_gives_what_the_cpu_gives(case: Case, cupy: ModuleType) -> None:
    found = evaluated(there(case, cupy), Cuda(cupy))
    assert fused.difference(found, evaluated(case.view(), None)) < CLOSE


def test_the_kernels_are_taken_without_a_warning(cupy: ModuleType) -> None:
    view = there(CASES[0], cupy)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fused.evaluate(view, view.share(np.arange(24)))


def test_deterministic_sums_are_the_same_bit_for_bit(cupy: ModuleType) -> None:
    view = there(Case(Toy(2, 2, 2, 32, 40, single=True, points=60), deterministic=True, chunk=60), cupy)
    device = Cuda(cupy)
    first = evaluated(view, device)
    for _ in range(5):
        other = evaluated(view, device)
        assert other.value == first.value
        assert bool((other.object == first.object).all())
        assert bool((other.sums["beam"] == first.sums["beam"]).all())
        np.testing.assert_array_equal(other.each["places"], first.each["places"])


def test_a_wrong_kernel_is_found_and_the_portable_path_taken(
    cupy: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    launch = Cuda.launch

    def wrong(self: Cuda, name: str, grid: tuple[int, int], *arguments: Any) -> None:
        launch(self, name, grid, *arguments)
        if name == "unshift":
            arguments[-2][...] *= np.float32(1.1)

    monkeypatch.setattr(Cuda, "launch", wrong)
    case = CASES[0]
    view = there(case, cupy)
    with pytest.warns(RuntimeWarning, match="fused GPU kernels are not used"):
        share = view.lane(np.arange(24))
    assert fused.difference(share, evaluated(case.view(), None)) < CLOSE


def test_when_memory_runs_out_chunks_are_halved(cupy: ModuleType) -> None:
    case = Case(Toy(4, 2, 2, 64, 64, single=True, points=40), chunk=40)
    view = there(case, cupy)
    pool = cupy.get_default_memory_pool()
    pool.free_all_blocks()
    waves = 4 * 2 * 64**2 * 8
    pool.set_limit(size=pool.used_bytes() + 40 * waves * 2)
    try:
        share = view.lane(np.arange(40))
    finally:
        pool.set_limit(size=0)
    assert view.problem.room.patterns < 40
    assert fused.difference(share, evaluated(case.view(), None)) < CLOSE


def test_plans_and_kernels_are_used_again(cupy: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    from napari_mixedptycho.engine.gpu import launch

    made = []
    plan = launch.plan_fft2
    monkeypatch.setattr(launch, "plan_fft2", lambda waves: made.append(waves.shape) or plan(waves))
    toys = toy()
    estimate, problem = toys.estimate(1), there(Case(toys, chunk=24), cupy).problem
    objective = Objective.of(problem, PoissonLoss())
    estimate = replace(estimate, object=cupy.asarray(estimate.object), probe=cupy.asarray(estimate.probe))
    values = {objective.value_and_gradient(estimate, ("object", "probe"))[0] for _ in range(3)}
    assert len(made) == len(set(made))
    assert max(values) - min(values) < 1e-6 * max(values)


@pytest.mark.parametrize("case", CASES[:5], ids=str)
def test_the_portable_path_gives_it_too(case: Case, cupy: ModuleType) -> None:
    found = evaluated(there(case, cupy), None)
    assert fused.difference(found, evaluated(case.view(), None)) < CLOSE


def test_a_lane_on_another_stream_uses_the_same_plans_and_gives_the_same(cupy: ModuleType) -> None:
    view, device = there(CASES[3], cupy), Cuda(cupy)
    expected = evaluated(view, device)
    planned = set(device._plans)
    cupy.cuda.Device().synchronize()
    with cupy.cuda.Stream(non_blocking=True) as stream:
        found = [evaluated(view, device) for _ in range(3)]
        stream.synchronize()
    assert set(device._plans) == planned
    assert max(fused.difference(share, expected) for share in found) < 1e-5


def test_launches_can_be_captured_as_a_graph_and_replayed(cupy: ModuleType) -> None:
    """Nothing is allocated and nothing waits between the beam and the detector."""
    view = there(Case(toy(3, 3, 2), chunk=24), cupy)
    lane = Lane(view, view.share(np.arange(24)), Cuda(cupy), 24)
    lane.run()
    waves, here = lane._waves(24), slice(0, 24)
    cupy.cuda.Device().synchronize()
    with cupy.cuda.Stream(non_blocking=True) as stream:
        lane._to_detector(waves, here)
        expected = waves.far.copy()
        stream.begin_capture()
        lane._to_detector(waves, here)
        graph = stream.end_capture()
        for factor in (2, 3):
            lane.spectrum *= np.float32(factor)
            expected *= np.float32(factor)
            graph.launch(stream)
            error = float(cupy.abs(waves.far - expected).max() / cupy.abs(expected).max())
            assert error < 1e-6


def test_patterns_through_pinned_buffers_are_those_in_memory(cupy: ModuleType) -> None:
    view = there(Case(toy(), stored="u2"), cupy)
    expected, stored = evaluated(view, Cuda(cupy)), cupy.asnumpy(view.problem.measured)
    streamed = Streamed(stored.__getitem__, stored.shape, stored.dtype, 5, lambda: Upload(cupy))
    view = replace(view, problem=replace(view.problem, measured=streamed))
    for device in (Cuda(cupy), None):
        assert fused.difference(evaluated(view, device), expected) < 1e-5


def test_a_run_there_finds_what_a_run_here_finds() -> None:
    runs = [steps(standard("data.scan_region=[0,4,0,4]", f"run.device={place}")) for place in ("gpu", "cpu")]
    losses = [[progress.loss for progress in run] for run in runs]
    np.testing.assert_allclose(losses[0], losses[1], rtol=2e-4)
    np.testing.assert_allclose(runs[0][-1].result.phase(), runs[1][-1].result.phase(), atol=2e-3)


def test_the_devices_are_listed_with_their_memory() -> None:
    host, *cards = devices()
    assert host.wish == "cpu"
    assert cards
    for card in cards:
        assert card.name and card.free and card.total and 0 < card.free <= card.total
