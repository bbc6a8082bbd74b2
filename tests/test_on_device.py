"""The portable engine on a device: the same numbers, and nothing that CuPy would refuse."""

from __future__ import annotations

import numpy as np
import pytest

from napari_mixedptycho.engine.forward import Objective
from napari_mixedptycho.engine.losses import PoissonLoss
from napari_mixedptycho.prepare import for_stage, open_dataset, prepare, to_device
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


def test_solvers_of_small_unknowns_run_there() -> None:
    there = steps(small(CORNER, INSTRUMENT, "run.device=gpu"))
    losses = [progress.loss for progress in there]
    assert losses[-1] < losses[2] < losses[0]
