"""The sequence of kernels, by their twins in NumPy, gives what `View` gives."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from napari_mixedptycho.engine.forward import Objective
from napari_mixedptycho.engine.gpu import fused, lane
from napari_mixedptycho.engine.gpu.device import Host
from napari_mixedptycho.engine.gpu.fixed_point import FixedPoint
from napari_mixedptycho.engine.losses import (
    AmplitudeLoss,
    AnscombeLoss,
    GaussianPoissonLoss,
    IntensityLoss,
    PoissonLoss,
)
from napari_mixedptycho.engine.patterns import Streamed
from tests.engine.gpu.cases import EVERYTHING, POSITIONS, Case, error, evaluated
from tests.physics.toys import Toy

LOSSES = [IntensityLoss(), AmplitudeLoss(), PoissonLoss(), PoissonLoss(background=0.0)]
OTHER_LOSSES = [AnscombeLoss(), GaussianPoissonLoss()]
SIZES = [(8, 8), (7, 7), (8, 12), (7, 10), (17, 17), (13, 23), (16, 20)]
"""Even, odd and prime; more than one block of threads; padded."""
MODELS = list(itertools.product((1, 2, 4), (1, 2, 3), (1, 2, 5)))
CLOSE = 1e-5


def toy(
    states: int = 2, slices: int = 2, modes: int = 2, size: tuple[int, int] = (8, 12), kind: str = "phase"
) -> Toy:
    return Toy(states, slices, modes, *size, kind, single=True)


@pytest.mark.parametrize("kind", ["phase", "complex"])
@pytest.mark.parametrize(("slices", "states", "modes"), MODELS)
def test_models(slices: int, states: int, modes: int, kind: str) -> None:
    size = SIZES[(slices + states + modes) % len(SIZES)]
    assert error(Case(toy(states, slices, modes, size, kind)), Host()) < CLOSE


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("loss", LOSSES + OTHER_LOSSES, ids=repr)
@pytest.mark.parametrize("masked", [False, True])
def test_sizes_losses_and_masks(size: tuple[int, int], loss: Any, masked: bool) -> None:
    assert error(Case(toy(size=size), loss, masked=masked), Host()) < CLOSE


@pytest.mark.parametrize("stored", ["u1", "u2", "u4", "f2", "f4", "f8", "i4"])
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_patterns_as_they_are_stored(stored: str, loss: Any) -> None:
    assert error(Case(toy(), loss, stored), Host()) < CLOSE


@pytest.mark.parametrize(
    "refined",
    [(), ("object",), ("probe",), ("positions",), ("object", "positions"), ("tilt", "object")],
    ids=str,
)
@pytest.mark.parametrize("deterministic", [False, True])
def test_only_the_wanted_gradients(refined: tuple[str, ...], deterministic: bool) -> None:
    case = Case(toy(), refined=refined, deterministic=deterministic, more=("tilt",))
    assert error(case, Host()) < CLOSE


@pytest.mark.parametrize("slices", [1, 2, 3])
@pytest.mark.parametrize(
    "more",
    [*((name,) for name in EVERYTHING[3:]), ("common tilt",), ("tilt", "spacing"), EVERYTHING[3:]],
    ids=str,
)
@pytest.mark.parametrize("loss", [PoissonLoss(), GaussianPoissonLoss()], ids=repr)
def test_small_unknowns(more: tuple[str, ...], slices: int, loss: Any) -> None:
    names = tuple(name.removeprefix("common ") for name in more)
    case = Case(toy(slices=slices), loss, refined=(*POSITIONS, *names), more=more)
    assert error(case, Host()) < 3 * CLOSE


@pytest.mark.parametrize("chunk", [1, 2, 3, 5, 100])
@pytest.mark.parametrize("deterministic", [False, True])
def test_chunks_and_parts_of_the_positions(chunk: int, deterministic: bool) -> None:
    case = Case(toy(), chunk=chunk, deterministic=deterministic)
    assert error(case, Host()) < CLOSE
    assert error(case, Host(), np.array([3, 1])) < CLOSE


@pytest.mark.parametrize(("slices", "states", "modes"), MODELS[::4])
@pytest.mark.parametrize("kind", ["phase", "complex"])
def test_fixed_point(slices: int, states: int, modes: int, kind: str) -> None:
    assert error(Case(toy(states, slices, modes, kind=kind), deterministic=True), Host()) < CLOSE


def test_fixed_point_does_not_depend_on_the_order() -> None:
    def summed(order: list[int], deterministic: bool) -> Any:
        view = Case(
            Toy(2, 2, 1, 8, 12, single=True, points=40), deterministic=deterministic, chunk=100
        ).view()
        return evaluated(view, Host(), np.array(order)).object

    orders = [np.random.default_rng(seed).permutation(40).tolist() for seed in range(5)]
    same = [summed(order, True) for order in orders]
    for other in same[1:]:
        np.testing.assert_array_equal(other, same[0])
    floating = [summed(order, False) for order in orders]
    assert any((other != floating[0]).any() for other in floating[1:])


def test_units_that_turn_out_too_fine_are_made_coarser(monkeypatch: pytest.MonkeyPatch) -> None:
    lanes = []

    def much_too_fine(self: FixedPoint, longest: float) -> FixedPoint:
        lanes.append(replace(self, units=2.0**100))
        return lanes[-1]

    case = Case(toy(), deterministic=True)
    monkeypatch.setattr(FixedPoint, "chosen", much_too_fine)
    with pytest.warns(RuntimeWarning, match="invalid value encountered in cast"):
        assert error(case, Host()) < CLOSE
    assert len(lanes) == 1


def test_the_bound_of_fixed_point_holds() -> None:
    case = Case(Toy(2, 3, 2, 8, 12, "complex", single=True, points=30), deterministic=True)
    view = case.view()
    share = view.share(np.arange(30))
    there = lane.Lane(view, share, Host(), 7)
    there.run()
    assert there.fixed is not None
    longest = there.comparison.longest()
    largest = float(np.abs(there.total).max())
    assert largest <= there.fixed.reach * longest * there.fixed.units <= 2.0**62
    assert largest > 2.0**35  # units are small: at least 35 bits in use


class Small(Host):
    """Has memory for the waves of so many images."""

    def prepare(self, waves: Any) -> None:
        if len(waves) > 8:
            raise MemoryError


def test_a_chunk_that_does_not_fit_is_said_before_anything_is_computed() -> None:
    view = Case(toy(), chunk=5).view()
    share = view.share(np.arange(5))
    with pytest.raises(MemoryError):
        fused.run(view, share, Small())
    assert share.value == 0
    assert view.problem.room.halve(5)
    fused.run(view, share, Small())
    assert fused.difference(share, evaluated(view, None)) < CLOSE


@pytest.mark.parametrize("loss", [PoissonLoss(), AnscombeLoss()], ids=repr)
def test_patterns_that_are_read_when_they_are_wanted(loss: Any) -> None:
    case = Case(toy(), loss, "u2", chunk=2)
    view = case.view()
    patterns = view.problem.measured
    streamed = Streamed(lambda indices: patterns[indices], patterns.shape, patterns.dtype, block=2)
    problem = replace(view.problem, measured=streamed)
    found = evaluated(replace(view, problem=problem), Host())
    expected = evaluated(view, Host())
    assert found.value == expected.value
    np.testing.assert_array_equal(found.object, expected.object)


class Wrong(Host):
    """A device whose kernels are not quite right, or do not run at all."""

    def __init__(self, fault: str) -> None:
        self.fault = fault

    def launch(self, name: str, grid: tuple[int, int], *arguments: Any) -> None:
        if self.fault == "no compiler":
            raise RuntimeError("no compiler")
        super().launch(name, grid, *arguments)
        if name == self.fault:
            arguments[-2][...] *= np.float32(1.01)


@pytest.mark.parametrize("fault", ["unshift", "shift_slope", "compare", "no compiler"])
def test_the_check_at_the_start_finds_faults(fault: str) -> None:
    view = Case(toy()).view()
    share = view.share(np.arange(5))
    with pytest.warns(RuntimeWarning, match="fused GPU kernels are not used"):
        assert not fused.proven(view, share, Wrong(fault))
    assert fused.proven(view, share, Wrong("nothing"))


def test_the_check_bears_a_perfect_fit() -> None:
    toys = toy()
    case = Case(toys)
    view = case.view()
    perfect = replace(view, spectrum=Case(toys).view().spectrum)
    assert fused.proven(perfect, view.share(np.arange(5)), Host())


def test_what_the_kernels_do_not_know_is_left_to_the_portable_path() -> None:
    assert fused.known(Case(toy()).view())
    assert not fused.known(Case(toy(), more=("descan",)).view())
    assert not fused.known(Case(replace(toy(), single=False)).view())


def test_nothing_changes_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise AssertionError("the kernels ran on the CPU")

    monkeypatch.setattr(fused, "run", fail)
    toys = toy()
    objective = Objective.of(toys.problem(toys.estimate(0)), PoissonLoss())
    objective.value_and_gradient(toys.estimate(1), POSITIONS)  # type: ignore[arg-type]
