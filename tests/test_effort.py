"""What is told of the time before a run: those transforms are made, and it grows as it should."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_mixedptycho import effort
from napari_mixedptycho._array import transform
from napari_mixedptycho.effort import Effort, estimate_effort
from napari_mixedptycho.engine import problem
from napari_mixedptycho.engine.comm import Meeting, Thread
from napari_mixedptycho.io import load
from tests.small import small, steps
from tests.strict_device import install


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """One transform takes as many seconds as it has pixels."""
    monkeypatch.setattr(effort, "seconds", lambda work, size: float(size**2))


def told(*changes: str, ranks: int = 1) -> Effort:
    return estimate_effort(small(*changes), load("sample:si_sigma9"), Thread(Meeting(ranks), 0))


@pytest.mark.parametrize(
    "changes",
    [
        (),
        ("model.states=3", "model.slices=3", "model.probe_modes=2", "data.hold_out=5"),
        ("stages.mixed.solver.kind=adam", "stages.mixed.patterns_per_update=9"),
        ("stages.mixed.solver.kind=conjugate_gradient", "model.source_size=0.3", "model.source_points=4"),
    ],
    ids=str,
)
def test_the_transforms_that_are_told_are_made(
    changes: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []

    def counted(waves: Any, inverse: bool) -> Any:
        made.append(int(np.prod(waves.shape[:-2])))
        return transform(waves, inverse)

    monkeypatch.setattr(problem, "transform", counted)
    monkeypatch.setattr("napari_mixedptycho.workload.fourier", lambda wish, size: counted)
    steps(small(*changes))
    # A few iterations vary; a held-out pattern is predicted once an iteration.
    assert told(*changes).transforms == pytest.approx(sum(made), rel=0.35)


def test_it_grows_with_scan_states_slices_modes_and_size() -> None:
    base = told()
    one, two = base.stages
    assert one.transforms == one.evaluations * 36 * (6 + 2)
    assert two.transforms == two.evaluations * 36 * (2 * 6 + 2)
    assert told("data.scan_region=[0,12,0,6]").seconds == pytest.approx(2 * base.seconds)
    assert told("model.states=4").stages[1].transforms == two.evaluations * 36 * (4 * 6 + 2)
    assert told("model.states=4").stages[0] == one
    assert told("model.slices=4").stages[1].transforms == two.evaluations * 36 * (2 * 14 + 2)
    assert told("model.probe_modes=3").stages[1].transforms == 3 * two.transforms
    wide, narrow = (told(f"model.padding={factor}") for factor in (2, 1))
    assert wide.transforms == narrow.transforms
    assert wide.seconds == pytest.approx(4 * narrow.seconds)  # by our clock: pixels


def test_longer_stages_take_longer_and_early_ones_on_less_of_the_detector_less() -> None:
    stages = (
        'stages=[{{name="half",iterations={},states=1,detector=0.5}},{{name="all",iterations=4,states=1}}]'
    )
    short, long = (told(stages.format(count)) for count in (4, 8))
    assert long.stages[1] == short.stages[1]
    assert long.stages[0].seconds > 1.7 * short.stages[0].seconds
    assert short.stages[0].seconds == pytest.approx(short.stages[1].seconds / 4, rel=0.1)


def test_threads_and_ranks_share_it() -> None:
    alone = told().seconds
    assert told("run.threads=2").seconds == pytest.approx(alone / 1.8)
    assert told("run.threads=64").seconds == told("run.threads=16").seconds  # there are sixteen lanes
    assert told(ranks=4).seconds == pytest.approx(alone / 4)


def test_on_a_device_it_is_the_bytes_that_must_be_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    monkeypatch.setattr(effort, "bandwidth", lambda xp, size: 1e9)
    found = told("run.device=gpu", "model.states=10").stages[1]
    # As `tests/engine/gpu/test_traffic.py` counts them.
    expected = found.evaluations * 36 * 10 * 96**2 * (296 + 116 / 10) / 1e9
    assert found.seconds == pytest.approx(expected)
