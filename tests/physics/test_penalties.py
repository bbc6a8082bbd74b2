"""Penalties and constraints on a corner of the built-in sample: each does what its name says."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_mixedptycho.engine.constraints import Constraint
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.forward import Objective
from napari_mixedptycho.engine.losses import PoissonLoss
from napari_mixedptycho.engine.penalties.measure import lit_pixels, slopes
from napari_mixedptycho.engine.stage import Stage
from napari_mixedptycho.prepare import Prepared, first_estimate, open_dataset, prepare
from napari_mixedptycho.reconstruct import reconstruct
from napari_mixedptycho.result import Result
from tests.small import small

CORNER = ("data.scan_region=[4,12,4,12]", "model.padding=1.0", "model.slices=3", "model.states=3")
CONSTRAINTS = [
    "positivity",
    {"kind": "band_limit", "frequency": 1.2},
    "mean_phase",
    "phase_ramp",
    "probe_aperture",
    "probe_window",
    "probe_power",
]
OF_WAVES = ["phase_only", {"kind": "amplitude_bounds", "lowest": 0.9}]


@cache
def prepared() -> Prepared:
    recipe = small(*CORNER)
    return prepare(recipe, open_dataset(recipe))


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(entry)}" for key, entry in value.items()) + "}"
    return f'"{value}"' if isinstance(value, str) else str(value)


@cache
def run(states: int, penalties: str = "", constraints: str = "", kind: str = "phase") -> Estimate:
    """Reconstruct the corner; one state, then more from it as noisy copies when wanted."""
    stage = f"penalties=[{penalties}],constraints=[{constraints}]"
    stages = f'{{name="pure",iterations=12,states=1,{stage}}}'
    if states > 1:
        stages += f',{{name="mixed",iterations=12,{stage}}}'
    recipe = small(
        *CORNER,
        f"stages=[{stages}]",
        f'model.object_type="{kind}"',
        'guess.spread={kind="noise",amplitude=0.1}',
    )
    *_, last = reconstruct(recipe)
    return last.result.estimate


def loss(estimate: Estimate) -> float:
    return Objective.of(prepared().problem, PoissonLoss()).value_and_gradient(estimate, ())[0]


def mean(values: np.ndarray, estimate: Estimate) -> float:
    lit = lit_pixels(prepared().problem, estimate)
    return float((values.mean(axis=tuple(range(values.ndim - 2))) * lit).sum())


def roughness(estimate: Estimate) -> float:
    """Mean steepness of the projected phase, rad/Å."""
    y, x = slopes(estimate.object.sum(axis=1), prepared().problem.sampling)
    return mean(np.hypot(y, x), estimate)


def depth(estimate: Estimate) -> float:
    """Difference between slices, rad."""
    return mean((estimate.slices * estimate.object).var(axis=1), estimate) ** 0.5


def apart(estimate: Estimate) -> float:
    """Difference between states, rad."""
    return mean(estimate.object.var(axis=0), estimate) ** 0.5


def contrasts(estimate: Estimate) -> np.ndarray:
    projected = estimate.object.sum(axis=1)
    lit = lit_pixels(prepared().problem, estimate)
    level = (projected * lit).sum(axis=(-2, -1), keepdims=True)
    return np.sqrt(((projected - level) ** 2 * lit).sum(axis=(-2, -1)))


def test_total_variation_smooths_the_object_and_hardly_costs_fit() -> None:
    plain, smooth = run(1), run(1, "'total_variation'")
    assert roughness(smooth) < 0.95 * roughness(plain)
    assert loss(smooth) < 1.02 * loss(plain)


@pytest.mark.parametrize("penalty", ["tikhonov", "l1"])
def test_default_weights_cost_little_fit_and_do_something(penalty: str) -> None:
    plain, found = run(1), run(1, f"'{penalty}'")
    assert loss(found) < 1.03 * loss(plain)
    assert abs(found.object - plain.object).max() > 1e-3


@pytest.mark.parametrize(
    ("penalty", "constraint"), [("slice_variation", ""), ("slice_similarity", ""), ("", "kz_filter")]
)
def test_slices_come_closer_and_hardly_cost_fit(penalty: str, constraint: str) -> None:
    plain = run(1)
    found = run(1, penalty and f"'{penalty}'", constraint and f"'{constraint}'")
    assert depth(found) < 0.8 * depth(plain)
    assert loss(found) < 1.03 * loss(plain)


def test_state_similarity_brings_states_together() -> None:
    plain = run(3)
    for passes in ("low", "high"):
        found = run(3, f"{{kind='state_similarity',weight=0.1,passes='{passes}',length=0.5}}")
        assert apart(found) < 0.9 * apart(plain)


def test_equal_phase_makes_contrasts_equal() -> None:
    plain, found = run(3), run(3, "{kind='equal_phase',weight=1.0}")
    assert np.std(contrasts(found)) < 0.5 * np.std(contrasts(plain))
    assert loss(found) < 1.02 * loss(plain)


def name(value: Any) -> str:
    return value["kind"] if isinstance(value, dict) else value


@pytest.mark.parametrize(
    ("wish", "kind"),
    [(w, "phase") for w in CONSTRAINTS] + [(w, "complex") for w in (*CONSTRAINTS, *OF_WAVES)],
    ids=name,
)
def test_each_constraint_holds_at_the_end_and_the_loss_has_fallen(wish: Any, kind: str) -> None:
    found = run(1, "", toml(wish), kind)
    constraint: Constraint = Stage.parse({"constraints": [wish]}).constraints[0]
    start = first_estimate(prepared(), 1)
    if kind == "complex":
        start = replace(start, object=np.exp(1j * start.object).astype(np.complex64))
    project = constraint.fitted(prepared().problem, start)
    assert project is not None
    blocks = found.blocks(("object", "probe"))
    for key, part in project(blocks).items():
        assert np.linalg.norm(part - blocks[key]) < 2e-5 * np.linalg.norm(part), key
    assert loss(found) < 1.3 * loss(run(1, kind=kind))


@pytest.mark.parametrize("cut", [1, 4])
def test_a_run_with_both_goes_on_as_if_nothing_had_happened(cut: int, tmp_path: Path) -> None:
    # Both measure where light falls and what the probe is when the stage begins; a break is no beginning.
    wishes = (
        "penalties=['total_variation','slice_similarity',{kind='tikhonov',of='phase'}],"
        "constraints=['mean_phase','phase_ramp','kz_filter','probe_aperture','probe_power']"
    )
    recipe = small(f"stages=[{{name='pure',iterations=6,states=1,{wishes}}}]")
    whole = list(reconstruct(recipe))
    whole[cut - 1].result.save(tmp_path / "r.h5")
    rest = list(reconstruct(recipe, resume=Result.load(tmp_path / "r.h5")))
    assert [step.loss for step in rest] == [step.loss for step in whole[cut:]]
    for name in ("object", "probe"):
        ends = [getattr(steps[-1].result.estimate, name) for steps in (whole, rest)]
        np.testing.assert_array_equal(*ends)
