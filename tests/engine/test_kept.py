"""What a stage fitted at its beginning survives a break."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np

from napari_mixedptycho.engine.constraints import PhaseOnly, ProbeAperture, ProbePower
from napari_mixedptycho.engine.kept import pack, restore
from napari_mixedptycho.engine.penalties import TotalVariation
from tests.physics.toys import Toy


def test_numbers_of_the_beginning_replace_those_of_later() -> None:
    toy = Toy(2, 2, detector=8, padded=12)
    problem, first = toy.problem(toy.estimate(0)), toy.estimate(1)
    later = replace(first, probe=2 * first.probe, positions=first.positions + np.array([0, 2]))
    wishes: list[Any] = [TotalVariation(), PhaseOnly(), ProbePower(), ProbeAperture()]
    before, after = ([wish.fitted(problem, estimate) for wish in wishes] for estimate in (first, later))
    assert before[1] is None
    assert not np.array_equal(before[0].lit, after[0].lit)
    kept = pack(before)
    assert all(isinstance(value, np.ndarray) for value in kept.values())
    restored = restore(after, kept)
    assert restore(after, {}) == tuple(after)
    assert restored[1] is None
    for old, new in zip(before, restored, strict=True):
        for field in fields(old) if old is not None else ():
            np.testing.assert_array_equal(getattr(new, field.name), getattr(old, field.name))
            assert type(getattr(new, field.name)) is type(getattr(old, field.name))
