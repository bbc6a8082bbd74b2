"""The portable engine on a device: the same numbers, and nothing that CuPy would refuse."""

from __future__ import annotations

import sys
import threading
from typing import Any

import numpy as np
import pytest

from napari_mixedptycho import _array
from napari_mixedptycho._array import select
from napari_mixedptycho._device import devices, in_use
from napari_mixedptycho.benchmark import least_transforms
from napari_mixedptycho.engine.comm import LostError
from napari_mixedptycho.engine.forward import Objective
from napari_mixedptycho.engine.gpu import fused
from napari_mixedptycho.engine.losses import PoissonLoss
from napari_mixedptycho.engine.patterns import Indices, Streamed
from napari_mixedptycho.engine.solvers import LBFGS
from napari_mixedptycho.engine.solvers.state import DescentState
from napari_mixedptycho.engine.view import Share, View
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.prepare import for_stage, open_dataset, prepare, to_device
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import reconstruct
from tests import strict_device
from tests.small import small, standard, steps
from tests.strict_device import install

CORNER = "data.scan_region=[0,4,0,4]"
RUNS = {
    "default": (),
    "two modes": ("model.probe_modes=2", "stages.mixed.loss.kind=amplitude"),
    "complex": ("model.object_type=complex", "stages.mixed.loss.kind=intensity"),
    "potential": ("model.object_type=potential",),
    "adam in batches": ("stages.mixed.solver.kind=adam", "stages.mixed.patterns_per_update=10"),
    "positions": ('stages.mixed.refine=["object","probe","positions"]',),
}
INSTRUMENT = (
    'stages.mixed.refine=["object","probe","positions","scan",{kind="tilt",per_position=true},"spacing",'
    '"aberrations","source","intensity","background","blur","descan","weights"]'
)


@pytest.fixture(autouse=True)
def _device(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    monkeypatch.setattr(fused, "known", lambda view: False)  # no kernels without a device


@pytest.mark.parametrize("changes", RUNS.values(), ids=RUNS.keys())
def test_a_device_finds_what_the_processor_finds(changes: tuple[str, ...]) -> None:
    recipe = small(CORNER, *changes) if changes else standard(CORNER)
    there = steps(recipe.with_set("run.device=gpu"))
    here = steps(recipe.with_set("run.device=cpu"))
    losses = [[progress.loss for progress in run] for run in (there, here)]
    np.testing.assert_allclose(losses[0], losses[1], rtol=2e-4)
    found, expected = there[-1].result, here[-1].result
    assert isinstance(found.estimate.object, np.ndarray)
    if "adam" not in str(changes):  # its steps in unlit pixels have the size of the others and any sign
        np.testing.assert_allclose(found.phase(), expected.phase(), atol=2e-3)


def test_gradients_of_the_instrument_are_those_of_the_processor() -> None:
    found = {}
    for device in ("cpu", "gpu"):
        recipe = small(CORNER, INSTRUMENT, f"run.device={device}")
        prepared = prepare(recipe, open_dataset(recipe))
        stage = recipe.stages[-1]
        estimate = to_device(prepared, for_stage(prepared, None, stage))
        objective = Objective.of(prepared.problem, PoissonLoss())
        found[device] = objective.value_and_gradient(estimate, stage.refined_at(0))
    assert found["gpu"][0] == pytest.approx(found["cpu"][0], rel=1e-6)
    for name, expected in found["cpu"][1].items():
        part = found["gpu"][1][name]
        part = part if isinstance(part, np.ndarray) else part.get()
        np.testing.assert_allclose(part, expected, atol=2e-2 * np.abs(expected).max(), err_msg=name)


@pytest.mark.parametrize(("states", "slices", "modes"), [(1, 1, 1), (2, 3, 2)])
def test_there_are_the_least_transforms_and_none_is_scaled_or_copied(
    states: int, slices: int, modes: int
) -> None:
    """That they are in place, contiguous and not scaled is what the stand-in for cuFFT insists on."""
    model = (f"model.states={states}", f"model.slices={slices}", f"model.probe_modes={modes}")
    recipe = small(CORNER, *model, "run.device=gpu")
    prepared = prepare(recipe, open_dataset(recipe))
    estimate = to_device(prepared, for_stage(prepared, None, recipe.stages[-1]))
    objective = Objective.of(prepared.problem, PoissonLoss())
    strict_device.MACHINE.transformed = 0
    objective.value_and_gradient(estimate, ("object", "probe"))
    each = least_transforms(states, slices, modes)
    assert strict_device.MACHINE.transformed == 16 * each + 2 * modes  # and the probe, there and back


def test_solvers_of_small_unknowns_run_there() -> None:
    there = steps(small(CORNER, INSTRUMENT, "run.device=gpu"))
    losses = [progress.loss for progress in there]
    assert losses[-1] < losses[2] < losses[0]


def losses(recipe: Recipe) -> list[float]:
    return [progress.loss for progress in steps(recipe)]


def test_another_device_than_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    first = losses(small(CORNER, "run.device=gpu"))
    install(monkeypatch, devices=3)
    assert losses(small(CORNER, "run.device=gpu:2")) == first


def test_two_devices_find_what_one_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = steps(small(CORNER, "data.hold_out=5", "run.device=gpu"))
    install(monkeypatch, devices=2)
    before = threading.active_count()
    found = steps(small(CORNER, "data.hold_out=5", "run.device=gpu:0,1"))
    assert threading.active_count() == before
    np.testing.assert_allclose([p.loss for p in found], [p.loss for p in expected], rtol=1e-5)
    np.testing.assert_allclose([p.held_out for p in found], [p.held_out for p in expected], rtol=1e-5)
    np.testing.assert_allclose(found[-1].result.phase(), expected[-1].result.phase(), atol=1e-4)


def test_who_stops_between_iterations_sends_the_other_devices_home(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, devices=2)
    before = threading.active_count()
    run = reconstruct(small(CORNER, "run.device=gpu:0,1"))
    next(run)
    assert threading.active_count() == before + 1
    run.close()
    assert threading.active_count() == before


def test_a_device_that_fails_ends_the_run_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, devices=2)
    lane = View.lane

    def broken(self: View, indices: Indices) -> Share:
        if self.problem.comm.rank == 1:
            raise ValueError("a bit flipped")
        return lane(self, indices)

    monkeypatch.setattr(View, "lane", broken)
    with pytest.raises(LostError, match="1 failed with ValueError: a bit flipped"):
        steps(small(CORNER, "run.device=gpu:0,1"))


def test_a_device_that_runs_out_of_memory_goes_on_with_fewer_patterns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chunk = ("run.device=gpu", "run.patterns_per_chunk=8")
    expected = losses(small(CORNER, *chunk))
    size = 2 * 96**2 * 8  # one wave of each of the two states
    install(monkeypatch, limit=3 * size)
    found = steps(small(CORNER, *chunk))
    news = [text for progress in found for text in progress.news]
    assert news == [
        "Memory ran out with 8 patterns in work at once; going on with 4.",
        "Memory ran out with 4 patterns in work at once; going on with 2.",
    ]
    np.testing.assert_allclose([progress.loss for progress in found], expected, rtol=1e-4)


def test_a_device_too_small_for_one_pattern_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, limit=96**2 * 8)
    with pytest.raises(MemoryError):
        steps(small(CORNER, "run.device=gpu", "model.padding=2"))


def test_patterns_that_do_not_fit_on_a_device_come_through_pinned_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recipe = small(CORNER, "run.device=gpu", "run.patterns_per_chunk=1")
    expected = losses(recipe)
    bytes_of_all = 16 * 64**2 * 2
    streamed = recipe.with_set(f"run.data_memory={bytes_of_all / 10 / 1e9}")
    problem = prepare(streamed, open_dataset(streamed)).problem
    assert isinstance(problem.measured, Streamed)
    assert losses(streamed) == expected


def test_the_chunk_follows_from_the_memory_that_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = small(CORNER, "run.device=gpu", "run.data_memory=1")
    roomy = prepare(recipe, open_dataset(recipe)).problem.chunk
    install(monkeypatch, free=2**23)
    assert 1 <= prepare(recipe, open_dataset(recipe)).problem.chunk < roomy


def test_the_devices_that_can_be_chosen_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, devices=2, free=2**29)
    host, *cards = devices()
    assert (host.wish, host.name.split()[1][:4]) == ("cpu", "core")
    assert [(card.wish, card.name, card.free, card.total) for card in cards] == [
        (f"gpu:{number}", f"card {number}", 2**29, 2**31) for number in range(2)
    ]
    assert str(cards[1]) == "gpu:1: card 1, 537 MB free"
    for found in (host, *cards):
        assert small(f"run.device={found.wish}").run.device == found.wish
    install(monkeypatch, devices=0)
    assert [found.wish for found in devices()] == ["cpu"]


def test_the_memory_of_the_devices_in_use_is_told_and_of_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, devices=3, free=2**29)
    assert in_use("cpu") == ()
    assert [(card.wish, card.free, card.total) for card in in_use("gpu:2,1")] == [
        (f"gpu:{number}", 2**29, 2**31) for number in (2, 1)
    ]
    assert [card.wish for card in in_use("auto")] == ["gpu:0"]
    assert in_use("gpu:7") == (), "a result of another machine"
    install(monkeypatch, devices=0)
    assert in_use("auto") == ()


def test_no_run_that_has_loaded_no_cupy_is_held_up_by_looking_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    monkeypatch.setattr("napari_mixedptycho._device.select", lambda _: pytest.fail("looked for"))
    assert in_use("auto") == ()


def test_a_device_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, devices=2)
    with pytest.raises(InputError, match=r"\(gpu:2\) but 2 can be seen"):
        select("gpu:2")
    install(monkeypatch, devices=0)
    with pytest.raises(InputError, match="none can be seen"):
        select("gpu")
    assert select("auto") is np


@pytest.mark.parametrize(
    ("driver", "words"), [(None, "no NVIDIA driver"), (12, "gpu-cuda12"), (13, "gpu-cuda13")]
)
def test_what_is_missing_is_said_with_the_command_that_installs_it(
    driver: int | None, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    monkeypatch.setattr(_array, "_driver", lambda: driver)
    with pytest.raises(InputError, match=words) as refused:
        select("gpu")
    assert "pip install" in str(refused.value)


def test_steps_that_a_device_cannot_remember_are_kept_on_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = small(CORNER, "run.device=gpu", "run.patterns_per_chunk=4", "run.data_memory=1")
    expected = losses(recipe)
    install(monkeypatch, free=2**20)
    kept: list[DescentState] = []
    remember = LBFGS._remember

    def watched(self: LBFGS, *arguments: Any) -> DescentState:
        kept.append(remember(self, *arguments))
        return kept[-1]

    monkeypatch.setattr(LBFGS, "_remember", watched)
    assert losses(recipe) == expected
    pairs = [pair for state in kept for pair in state.pairs]
    assert pairs
    assert all(isinstance(blocks["object"], np.ndarray) for pair in pairs for blocks in pair)


@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_an_iteration_that_nobody_looks_at_brings_no_object_to_the_host(solver: str) -> None:
    brought, stage, looked = strict_device.MACHINE.brought, "", 0
    for progress in reconstruct(small(CORNER, "run.device=gpu", f"stages.mixed.solver.kind={solver}")):
        estimate = progress.result.estimate
        size = vars(estimate)["object"].nbytes
        assert estimate.states == (2 if progress.stage == "mixed" else 1)
        if progress.stage == stage:  # a stage begins on the host
            looked += 1
            assert max(brought) < size / 20
        stage = progress.stage
        brought.clear()
    assert looked > 2


def test_plans_of_transforms_are_made_once() -> None:
    steps(small(CORNER, "run.device=gpu", "model.probe_modes=2", "run.patterns_per_chunk=3"))
    # CuPy keeps the last sixteen of each thread and device.
    assert 2 < len(strict_device.MACHINE.plans) <= 16


def test_what_is_looked_at_comes_once() -> None:
    brought = strict_device.MACHINE.brought
    result = next(reconstruct(small(CORNER, "run.device=gpu"))).result
    brought.clear()
    assert isinstance(result.estimate.object, np.ndarray)
    assert brought == [result.estimate.object.nbytes]
    assert result.phase().shape[:2] == (1, 2)
    assert brought == [result.estimate.object.nbytes]


def test_what_is_looked_at_late_is_what_was_found_then() -> None:
    recipe = small(CORNER, INSTRUMENT, "run.device=gpu")
    early = [(progress.result, progress.result.estimate.asnumpy()) for progress in reconstruct(recipe)]
    late = [progress.result for progress in list(reconstruct(recipe))]
    for (_, expected), result in zip(early, late, strict=True):
        for name in ("object", "probe", "displacement", "background", "positions"):
            np.testing.assert_array_equal(getattr(result.estimate, name), getattr(expected, name))


def test_nothing_of_a_result_is_left_on_the_device_when_a_run_has_ended() -> None:
    last = steps(small(CORNER, "run.device=gpu"))[-1].result
    assert isinstance(vars(last.estimate)["object"], np.ndarray)
    assert isinstance(vars(last.estimate)["probe"], np.ndarray)


@pytest.mark.parametrize("solver", ["lbfgs", "adam", "conjugate_gradient"])
def test_a_run_goes_on_there_after_a_break(solver: str) -> None:
    recipe = small(CORNER, INSTRUMENT, "run.device=gpu", f"stages.mixed.solver.kind={solver}")
    whole = steps(recipe)
    rest = steps(recipe, whole[2].result)
    assert [progress.loss for progress in rest] == [progress.loss for progress in whole[3:]]
