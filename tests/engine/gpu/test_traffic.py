"""Bytes of one evaluation, against what docs/engine.md says and theory asks."""

from __future__ import annotations

import numpy as np
import pytest

from napari_mixedptycho.engine.gpu.device import Host
from napari_mixedptycho.engine.gpu.traffic import Counted
from tests.engine.gpu.cases import Case, evaluated
from tests.physics.toys import Toy


def per_pixel(states: int, slices: int, modes: int, refined: tuple[str, ...]) -> dict[str, float]:
    """Return the bytes for each pixel of each wave."""
    size = 8
    case = Case(Toy(states, slices, modes, size, size, single=True), stored="u2", refined=refined)
    device = Counted(Host())
    evaluated(case.view(), device)
    waves = 5 * states * modes * size**2
    return {name: count / waves for name, count in device.bytes.items()}


def test_two_slices() -> None:
    found = per_pixel(50, 2, 1, ("object", "probe"))
    own = {
        "transform": 192,
        "enter": 8,
        "propagate": 32,
        "transmit": 16,
        "compare": 16,
        "back": 24,
        "exit_back": 8,
    }
    # What belongs to a position alone is shared by its states: two transforms of the incident wave, and more.
    shared = {"transform": 64, "enter": 8, "compare": 2, "exit_back": 16, "shift": 8, "seen": 2, "unshift": 8}
    assert sum(own.values()) == 296
    assert found == pytest.approx({name: own.get(name, 0) + shared.get(name, 0) / 50 for name in found})
    assert found.keys() == own.keys() | shared.keys()


@pytest.mark.parametrize("slices", [1, 2, 6])
def test_each_slice_more_costs_the_same(slices: int) -> None:
    found = [sum(per_pixel(2, count, 3, ("object",)).values()) for count in (slices, slices + 1)]
    assert found[1] - found[0] == pytest.approx(4 * 32 + 2 * 16 + 16 + 24)


def test_the_value_alone_costs_less_than_half() -> None:
    value = sum(per_pixel(10, 2, 1, ()).values())
    both = sum(per_pixel(10, 2, 1, ("object", "probe", "positions")).values())
    assert value < 0.5 * both
    assert both == pytest.approx(296 + 116 / 10)
    assert np.isfinite(value)
