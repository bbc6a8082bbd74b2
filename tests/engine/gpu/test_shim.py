"""The source of the kernels, run on the CPU, against its twins and against `View`; and that mistakes show."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_mixedptycho.engine.gpu import twins
from napari_mixedptycho.engine.gpu.chunk import LOSSES, STORED, THREADS, Chunk
from napari_mixedptycho.engine.gpu.launch import source
from napari_mixedptycho.engine.losses import AmplitudeLoss, AnscombeLoss, IntensityLoss, PoissonLoss
from tests.engine.gpu.cases import EVERYTHING, POSITIONS, Case, error, evaluated
from tests.engine.gpu.shim import Compared, Shim, compiled, kernels
from tests.physics.toys import Toy

CLOSE = 1e-5


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("kernels"))


def toy(
    states: int = 2, slices: int = 2, modes: int = 2, size: tuple[int, int] = (8, 12), kind: str = "phase"
) -> Toy:
    return Toy(states, slices, modes, *size, kind, single=True)


CASES = [
    *(
        Case(toy(states, slices, modes, size, kind))
        for (states, slices, modes), size, kind in zip(
            itertools.product((1, 3), (1, 2, 4), (1, 5)),
            itertools.cycle([(8, 8), (7, 7), (8, 12), (7, 10), (17, 17)]),
            itertools.cycle(["phase", "complex", "complex"]),
            strict=False,
        )
    ),
    *(
        Case(toy(), loss, masked=True)
        for loss in (IntensityLoss(), AmplitudeLoss(), PoissonLoss(background=0))
    ),
    *(Case(toy(size=(7, 10)), AnscombeLoss(), stored) for stored in ("u1", "f2")),
    *(Case(toy(), PoissonLoss(), stored) for stored in STORED),
    Case(toy(modes=5), deterministic=True),
    Case(toy(slices=3), refined=(*POSITIONS, "tilt", "spacing"), more=("tilt", "spacing")),
    Case(toy(), refined=EVERYTHING, more=EVERYTHING[3:]),
    Case(toy(), refined=()),
    Case(toy(), refined=("probe",), chunk=2),
    Case(toy(), refined=("object",), chunk=1),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_kernel_is_its_twin_and_all_of_them_are_the_view(case: Case, library: Path) -> None:
    device = Compared(library)
    assert error(case, device) < CLOSE
    for name, worst in device.errors.items():
        assert worst < CLOSE, name


def test_every_kernel_has_a_twin_and_is_run(library: Path) -> None:
    names = kernels(source())
    assert len(names) == source().count("__global__")
    assert all(callable(getattr(twins, name)) for name in names)
    device = Compared(library)
    for case in (CASES[-4], CASES[0], Case(toy(slices=2), AnscombeLoss())):
        error(case, device)
    assert device.errors.keys() == set(names)


def test_a_part_of_the_positions_in_another_order(library: Path) -> None:
    assert error(Case(toy()), Shim(library), np.array([3, 1, 4])) < CLOSE


def test_the_numbers_of_python_are_those_of_the_source() -> None:
    assert int(re.findall(r"#define THREADS (\d+)", source())[0]) == THREADS
    struct = source().split("struct Chunk {")[1].split("};")[0]
    struct = re.sub(r"//.*", "", struct)
    declared = [
        (name.strip(), {"int": "<i4", "float": "<f4"}[kind])
        for kind, names in re.findall(r"(int|float) ([^;]+);", struct)
        for name in names.split(",")
    ]
    assert [(name, kind.str) for name, (kind, _) in Chunk(*[0] * 8).packed.dtype.fields.items()] == declared
    assert len(LOSSES) == 3
    assert len(STORED) == 5


def test_half_precision_is_read_as_numpy_reads_it(library: Path) -> None:
    every = np.arange(2**16, dtype=np.uint16).view(np.float16)
    patterns = every[np.isfinite(every)].reshape(-1, 1, 1)
    rows, floors = np.arange(len(patterns), dtype=np.int32), np.empty(len(patterns), np.float32)
    chunk = Chunk(len(patterns), 1, 1, 1, 1, 1, 1, 1, stored=STORED.index("f2"), background=1.0)
    weight = np.ones((1, 1), np.float32)
    some = slice(None, None, 251)
    chunk = replace(chunk, positions=len(rows[some]))
    Shim(library).launch("seen", (1, chunk.positions), patterns, rows[some].copy(), weight, floors, chunk)
    np.testing.assert_array_equal(floors[: chunk.positions], patterns[some, 0, 0].astype(np.float32))


WIDE = Case(toy(3, 3, 5, (15, 17), "complex"), deterministic=False, stored="u2", masked=True)
ODD = Case(toy(2, 2, 1, (7, 10)), refined=(*POSITIONS, "tilt"), more=("tilt",))
FIXED = Case(toy(2, 2, 2, (7, 7)), deterministic=True, stored="f2")
MUTANTS = {
    "first barrier": (
        "    shared[threadIdx.x] = value;\n    __syncthreads();",
        "    shared[threadIdx.x] = value;",
    ),
    "second barrier": ("threadIdx.x + half];\n        __syncthreads();", "threadIdx.x + half];"),
    "conjugate": (
        "a.x * b.x + a.y * b.y, a.y * b.x - a.x * b.y",
        "a.x * b.x - a.y * b.y, a.y * b.x + a.x * b.y",
    ),
    "adjoint": ("chunk.adjoint ? -chunk.factor : chunk.factor", "chunk.factor"),
    "row of the object": (
        "corners[2 * position] + pixel / chunk.size",
        "corners[2 * position] + pixel % chunk.size",
    ),
    "slice of the object": (
        "state * chunk.slices + chunk.slice;\n    return",
        "state * chunk.slices;\n    return",
    ),
    "origin of the gradient": ("corners[2 * position] - chunk.top", "corners[2 * position]"),
    "state of the gradient": ("(plane * chunk.rows + y)", "(chunk.slice * chunk.rows + y)"),
    "state of a wave": (
        "state = b % chunk.states;\n        Complex factor = object[under(corners, p, state",
        "state = 0;\n        Complex factor = object[under(corners, p, state",
    ),
    "odd detector": ("(chunk.detector + 1) / 2", "chunk.detector / 2"),
    "odd frequencies": ("(size + 1) / 2", "size / 2"),
    "row of the patterns": ("image(rows[p], chunk.detector", "image(p, chunk.detector"),
    "weight": ("measured, weight[place], floors[p]", "measured, 1.0f, floors[p]"),
    "floor": ("predicted + floor + tiny", "predicted + tiny"),
    "tile of modes": ("first += TILE", "first += chunk.modes"),
    "ramp of a tilt": ("ramp(ramps, rows[b / chunk.states]", "ramp(ramps, rows[0]"),
    "step of a grid": (
        "p < chunk.positions; p += gridDim.y) {\n        Complex turn",
        "p < 1; p += gridDim.y) {\n        Complex turn",
    ),
    "exponent of half precision": ("<< 13", "<< 12"),
    "sign in fixed point": ("llrintf(value.y * chunk.fixed)", "llrintf(fabsf(value.y) * chunk.fixed)"),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_planted_mistake_is_caught(mutant: str, tmp_path: Path) -> None:
    right, wrong = MUTANTS[mutant]
    assert source().count(right) >= 1, "the source has changed: plant another mistake"
    library = compiled(tmp_path, source().replace(right, wrong))
    assert worst(library) > 10 * CLOSE


def worst(library: Path) -> float:
    """Return the largest error, of kernels beside their twins and of all of them, in three cases."""
    indices: Any = np.array([4, 2, 1])
    found = [0.0]
    for case in (WIDE, ODD, FIXED):
        device = Compared(library)
        try:
            found += [error(case, device, indices), *device.errors.values()]
        except (AssertionError, RuntimeWarning):  # outside of an array; no number
            return float("inf")
    return max(part if part == part else float("inf") for part in found)


def test_without_a_mistake_none_is_found(library: Path) -> None:
    assert worst(library) < CLOSE


def test_fixed_point_does_not_depend_on_the_order_on_the_device(library: Path) -> None:
    view = Case(Toy(2, 2, 1, 7, 7, single=True, points=12), deterministic=True, chunk=100).view()
    orders = [np.random.default_rng(seed).permutation(12) for seed in range(3)]
    first, *others = (evaluated(view, Shim(library), order).object for order in orders)
    for other in others:
        np.testing.assert_array_equal(other, first)
