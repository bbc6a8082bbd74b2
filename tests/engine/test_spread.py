"""The motion of atoms in displacement fields: known shifts, and what lies between atoms does not count."""

from __future__ import annotations

import numpy as np
import pytest

from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.spread import motion_of_atoms

EVERYWHERE = (slice(0, 96), slice(0, 96))
PLACES = np.array([[y, x] for y in (16, 48, 80) for x in (16, 48, 80)])


def atoms() -> np.ndarray:
    y, x = np.mgrid[:96, :96]
    blobs = [np.exp(-((y - a) ** 2 + (x - b) ** 2) / (2 * 2.0**2)) for a, b in PLACES]
    return np.stack([np.sum(blobs, axis=0)] * 2)[None].astype(np.float32)


def estimate(fields: np.ndarray | None) -> Estimate:
    probe, positions = np.ones((1, 8, 8), np.complex64), np.array([[20.0, 20.0], [70.0, 70.0]])
    return Estimate(atoms(), probe, positions, displacement=fields)


def by_atom(moves: np.ndarray) -> np.ndarray:
    """Fields (state, 2, 96, 96), constant in the cell of each atom, from moves (state, atom, 2), px."""
    cells = np.repeat(np.repeat(np.arange(9).reshape(3, 3), 32, axis=0), 32, axis=1)
    return np.moveaxis(moves[:, cells], -1, 1).astype(np.float32)


def test_the_motion_of_every_atom_on_its_own_is_found() -> None:
    moves = np.random.default_rng(0).normal(0, 0.3, (8, 9, 2))
    expected = np.sqrt(moves.var(axis=0).mean())
    assert motion_of_atoms(estimate(by_atom(moves)), 2.5, EVERYWHERE) == pytest.approx(expected, rel=1e-3)


def test_what_lies_between_atoms_and_fine_noise_do_not_count() -> None:
    moves = np.random.default_rng(0).normal(0, 0.3, (8, 9, 2))
    expected = np.sqrt(moves.var(axis=0).mean())
    noise = np.random.default_rng(1).normal(0, 0.3, (8, 2, 96, 96)).astype(np.float32)
    found = motion_of_atoms(estimate(by_atom(moves) + noise), 2.5, EVERYWHERE)
    assert found == pytest.approx(expected, rel=0.1)
    y, x = np.mgrid[:96, :96]
    far = np.min([np.hypot(y - a, x - b) for a, b in PLACES], axis=0) > 8
    wild = by_atom(moves) + 40 * noise * far
    assert motion_of_atoms(estimate(wild), 2.5, EVERYWHERE) == pytest.approx(expected, rel=0.02)


def test_it_is_not_known_of_free_states_of_one_and_of_an_empty_object() -> None:
    assert np.isnan(motion_of_atoms(estimate(None), 2.5, EVERYWHERE))
    assert np.isnan(motion_of_atoms(estimate(np.ones((1, 2, 96, 96), np.float32)), 2.5, EVERYWHERE))
    found = estimate(np.zeros((3, 2, 96, 96), np.float32))
    assert motion_of_atoms(found, 2.5, EVERYWHERE) == 0
    flat = Estimate(0 * found.object, found.probe, found.positions, displacement=found.displacement)
    assert np.isnan(motion_of_atoms(flat, 2.5, EVERYWHERE))
