"""Known columns laid on found ones: turned, shifted, repeated, of one species."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_mixedptycho.analysis import compare, measure
from napari_mixedptycho.analysis.known import truth_of_motion, truth_of_structure
from napari_mixedptycho.analysis.placement import place
from napari_mixedptycho.dataset import turning
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.simulate import open_structure
from napari_mixedptycho.simulate.structure import Structure
from tests.analysis import specimen as s


@pytest.mark.parametrize("angle", [0.0, 12.0, -75.0, 160.0])
@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_a_turned_and_shifted_specimen_is_found_again(angle: float, noise: float) -> None:
    known = s.columns()
    random = np.random.default_rng(3)
    found = (known + random.normal(0, noise, known.shape))[2:] @ turning(angle).T + np.array([31.0, -7.0])
    placement = place(found, known)
    assert placement.matched == len(found)
    left = np.deg2rad(placement.rotation - angle)
    assert np.rad2deg(np.arctan2(np.sin(left), np.cos(left))) == pytest.approx(0, abs=1.0 if noise else 1e-6)
    assert placement.distance < 2 * noise + 1e-9
    assert placement.applied(known)[2:] == pytest.approx(found, abs=4 * noise + 1e-9)


def test_a_mirrored_specimen_is_another_one() -> None:
    with pytest.raises(InputError, match="come to lie"):
        place(s.columns()[:, ::-1] * np.array([1.0, 1.0]) + 3.0, s.columns()[:9])


def test_too_few_columns_are_refused() -> None:
    with pytest.raises(InputError, match="2 found"):
        place(np.zeros((2, 2)), s.columns())


def structure(columns: np.ndarray, frames: int = 20, sd: float = 0.05) -> Structure:
    """Return silicon atoms of two per column that move, and a light one beside each that does not count."""
    random = np.random.default_rng(0)
    moves = random.normal(0, sd, (frames, len(columns), 2))
    atoms = [np.concatenate([columns + moves, np.full((frames, len(columns), 1), z)], -1) for z in (0.0, 1.9)]
    still = np.broadcast_to(columns + 0.7, (frames, *columns.shape))
    light = np.concatenate([still, np.ones((frames, len(columns), 1))], axis=-1)
    symbols = ("Si",) * (2 * len(columns)) + ("H",) * len(columns)
    return Structure(
        "made", symbols, np.concatenate([*atoms, light], axis=1), np.zeros((3, 3)), (False, False, False)
    )


def test_the_species_that_are_columns_can_be_chosen() -> None:
    found = s.columns() @ turning(20.0).T + 4.0
    truth, placement = truth_of_structure(structure(s.columns()), found, s.scan() + 4.0, ("Si",))
    assert placement.rotation == pytest.approx(20.0, abs=1.0)
    assert len(truth.columns_mean) == len(found)
    assert truth.columns_per_snapshot.std(axis=0).mean() == pytest.approx(0.05, rel=0.1)
    assert truth.atoms.shape == (20, 2 * len(found), 3)
    with pytest.raises(InputError, match="it has no Au"):
        truth_of_structure(structure(s.columns()), found, s.scan(), ("Au",))


def test_a_trajectory_is_compared_like_the_truth_of_the_data() -> None:
    """One frame for each state: the motion comes out, though the trajectory lies elsewhere and is turned."""
    made = structure(s.columns() @ turning(-33.0).T - 20.0)
    turned = np.concatenate([(made.frames[..., :2] + 20.0) @ turning(33.0).T, made.frames[..., 2:]], axis=-1)
    result = s.result(s.drawn(turned[:, : len(s.columns()), :2]))
    motion = measure(result)
    truth, placement = truth_of_structure(made, motion.mean, s.scan(), ("Si",))
    assert placement.rotation == pytest.approx(33.0, abs=0.5)
    found = compare(result, motion, truth)
    assert (found.n_columns, found.n_missed, found.n_extra) == (len(s.columns()), 0, 0)
    assert found.rendered.sd_ratio == pytest.approx(1.0, abs=0.03)
    assert found.rendered.sd_correlation > 0.95
    assert found.rendered.mean_position_error < 0.01


def test_a_crystal_is_repeated_over_the_field() -> None:
    gold = open_structure("gold")
    line = np.arange(5) * 4.0782 / 2
    found = np.stack(np.meshgrid(line, line, indexing="ij"), -1).reshape(-1, 2) @ turning(10.0).T + 1.3
    truth, placement = truth_of_structure(gold, found, found)
    assert placement.matched == 25
    assert placement.distance < 1e-6
    assert placement.rotation % 90 == pytest.approx(10.0, abs=1e-4)
    assert len(truth.columns_mean) > 25


def test_another_result_may_be_the_truth() -> None:
    result = s.result(s.drawn(s.moving(8)))
    motion = measure(result)
    same = compare(result, motion, truth_of_motion(motion))
    assert same.atoms.sd_ratio == pytest.approx(1.0)
    assert same.atoms.mean_position_error == pytest.approx(0.0, abs=1e-9)
    more = replace(motion, positions=motion.mean + 2 * (motion.positions - motion.mean))
    assert compare(result, motion, truth_of_motion(more)).atoms.sd_ratio == pytest.approx(0.5, abs=1e-6)
