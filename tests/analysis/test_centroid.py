from __future__ import annotations

import time

import numpy as np
import pytest
from pydantic import TypeAdapter
from scipy.spatial import cKDTree

from napari_mixedptycho.analysis._sampling import upsampled
from napari_mixedptycho.analysis.centroid import Fixed, Recentred
from napari_mixedptycho.analysis.estimators import Centroid
from napari_mixedptycho.errors import InputError
from tests.analysis import specimen as s


def measured(phases, centroid=None):
    return (centroid or Recentred()).positions(phases, s.SAMPLING, s.ORIGIN, s.columns())


@pytest.mark.parametrize(
    ("slope", "noise", "tolerance"), [(0.0, 0.0, 0.01), (0.02, 0.0, 0.01), (0.01, 0.03, 0.04)]
)
def test_recentred_recovers_known_motion(slope, noise, tolerance):
    true = s.moving(30)
    found = measured(s.drawn(true, slope=slope, noise=noise))
    assert s.rms(found.std(axis=0)) / s.rms(true.std(axis=0)) == pytest.approx(1.0, abs=tolerance)
    assert s.rms(found.mean(axis=0) - true.mean(axis=0)) < 0.006


def test_recentred_follows_each_state():
    true = s.moving(10)
    assert np.abs(measured(s.drawn(true)) - true).max() < 0.005


def test_fixed_window_underestimates_the_motion():
    """CONVENTIONS: a fixed window on raw phase recovers 14 to 86 % of the true motion."""
    true = s.moving(30)
    ratio = s.rms(measured(s.drawn(true), Fixed()).std(axis=0)) / s.rms(true.std(axis=0))
    assert 0.1 < ratio < 0.86


def test_fixed_is_the_plain_centroid():
    phases = s.drawn(s.moving(2))
    found = measured(phases, Fixed(half_width=2))
    row, col = np.rint((s.columns()[3] - s.ORIGIN) / s.SAMPLING).astype(int)
    part = phases[1, row - 2 : row + 3, col - 2 : col + 3]
    y, x = np.mgrid[row - 2 : row + 3, col - 2 : col + 3]
    expected = np.array([(part * y).sum(), (part * x).sum()]) / part.sum() * s.SAMPLING + s.ORIGIN
    np.testing.assert_allclose(found[1, 3], expected)


def test_large_window_is_kept_below_half_the_distance_to_the_neighbour():
    true = s.moving(10)
    wide = measured(s.drawn(true), Recentred(radius=1.3))
    assert np.abs(wide - true).max() < 0.15
    pairs = cKDTree(s.columns()).query(s.columns(), k=2)[0][:, 1]
    assert pairs.max() < 1.4


def test_stationary_states_do_not_move():
    still = np.repeat(s.columns()[None], 6, axis=0)
    found = measured(s.drawn(still))
    assert found.std(axis=0).max() < 1e-12


@pytest.mark.parametrize("centroid", [Recentred(), Fixed(zero="lowest")])
def test_result_does_not_depend_on_the_constant_of_the_phase(centroid):
    phases = s.drawn(s.moving(3))
    np.testing.assert_allclose(measured(phases - 1.0, centroid), measured(phases, centroid), atol=1e-5)


def test_result_does_not_depend_on_where_the_pixels_lie():
    """Sub-pixel motion of everything moves the centres by as much: no pull towards pixels."""
    true = s.columns()[None] + np.linspace(0, s.SAMPLING, 9)[:, None, None]
    found = measured(s.drawn(true))
    assert np.abs(found - found[0] - (true - true[0])).max() < 1e-3


def test_a_column_never_jumps_to_its_neighbour():
    phases = s.drawn(np.delete(s.columns()[None], 0, axis=1))  # column 0 is missing, its partner is there
    found = measured(phases)
    assert np.hypot(*(found[0, 0] - s.columns()[0])) <= 0.4 + 1e-9


def test_sixty_columns_in_thirty_states_take_well_under_two_seconds():
    grid = np.stack(np.meshgrid(np.arange(8), np.arange(8)), -1).reshape(-1, 2)[:62] * 1.4 - 1.0
    true = grid + np.random.default_rng(0).normal(0, 0.05, (30, 62, 2))
    phases = s.drawn(true)
    start = time.process_time()
    Recentred().positions(phases, s.SAMPLING, s.ORIGIN, grid)
    assert time.process_time() - start < 2.0


@pytest.mark.parametrize("shape", [(8, 8), (9, 8), (7, 9)])
@pytest.mark.parametrize("factor", [2, 3])
def test_upsampling_keeps_the_pixels_it_has(shape, factor):
    image = np.random.default_rng(0).standard_normal(shape)
    np.testing.assert_allclose(upsampled(image, factor)[::factor, ::factor], image, atol=1e-12)


def test_kind_chooses_the_centroid():
    adapter = TypeAdapter(Centroid)
    assert adapter.validate_python({"kind": "fixed", "half_width": 3}) == Fixed(half_width=3)
    assert adapter.validate_python({"kind": "recentred"}) == Recentred()


def test_negative_phase_has_no_plain_centroid():
    with pytest.raises(InputError, match=r"column 0 of state 0.*re-centred"):
        measured(s.drawn(s.moving(2)) - 2.0, Fixed())


@pytest.mark.parametrize("centroid", [Recentred(), Fixed()])
def test_a_column_outside_the_phase_is_named(centroid):
    where = np.array([[1.0, 1.0], [40.0, 1.0]])
    with pytest.raises(InputError, match="Column 1"):
        centroid.positions(s.drawn(s.moving(2)), s.SAMPLING, s.ORIGIN, where)


def test_wrong_arrays_are_refused():
    with pytest.raises(InputError, match="state, y, x"):
        measured(np.zeros((4, 4)))
    with pytest.raises(InputError, match="origin"):
        Recentred().positions(np.zeros((1, 9, 9)), -1.0, s.ORIGIN, s.columns())
    with pytest.raises(InputError, match="not finite"):
        measured(np.full((1, *s.SHAPE), np.nan))


def test_no_columns_give_no_positions():
    for centroid in (Recentred(), Fixed()):
        found = centroid.positions(s.drawn(s.moving(2)), s.SAMPLING, s.ORIGIN, np.zeros((0, 2)))
        assert found.shape == (2, 0, 2)
