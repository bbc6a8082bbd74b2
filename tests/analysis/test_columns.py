from __future__ import annotations

import h5py
import numpy as np
import pytest
from scipy.spatial import cKDTree

from napari_mixedptycho.analysis.columns import ColumnFinder, inside_scan
from napari_mixedptycho.errors import InputError
from tests.analysis import specimen as s


def find(phase, finder=None, scan=None):
    chosen = finder or ColumnFinder()
    return chosen.find(phase, s.SAMPLING, s.ORIGIN, s.scan() if scan is None else scan)


def missed_and_false(found, true, reach=0.3):
    missed = (cKDTree(found).query(true)[0] > reach).sum()
    return int(missed), int((cKDTree(true).query(found)[0] > reach).sum())


@pytest.mark.parametrize("noise", [0.0, 0.05, 0.1])
def test_finds_every_column_of_a_dumb_bell_and_nothing_else(noise):
    phase = s.drawn(s.columns()[None], slope=0.01, noise=noise)[0]
    found = find(phase)
    assert len(found) == len(s.columns())
    assert missed_and_false(found, s.columns()) == (0, 0)


def test_positions_are_sub_pixel():
    true = s.columns()
    found = find(s.drawn(true[None])[0])
    distance = cKDTree(true).query(found)[0]
    assert distance.max() < 0.15 * s.SAMPLING  # the neighbour pulls by a tenth of a pixel


def test_columns_come_from_top_to_bottom():
    found = find(s.drawn(s.columns()[None])[0])
    assert (np.diff(found[:, 0]) >= 0).all()


def test_columns_at_the_rim_are_left_out():
    at_rim = np.concatenate([s.columns(), [[0.3, 5.0], [9.8, 4.0], [-1.0, 5.0]]])
    phase = s.drawn(at_rim[None])[0]
    assert len(find(phase)) == len(s.columns())
    assert len(find(phase, ColumnFinder(margin=0.1))) == len(s.columns()) + 2


def test_light_columns_are_found_when_the_threshold_is_lowered():
    phase = s.drawn(s.columns()[None])[0] + 0.2 * (s.drawn(np.array([[[8.5, 4.5]]]))[0] - 0.1)
    assert len(find(phase, ColumnFinder(threshold=0.35))) == len(s.columns())
    assert len(find(phase, ColumnFinder(threshold=0.1))) == len(s.columns()) + 1


def test_close_columns_count_once_when_a_larger_distance_is_asked():
    phase = s.drawn(s.columns()[None])[0]
    assert len(find(phase, ColumnFinder(min_distance=1.8))) == len(s.columns()) / 2


def test_flat_phase_has_no_columns():
    assert find(np.zeros(s.SHAPE)).shape == (0, 2)


def test_the_field_of_a_turned_scan_is_its_outline():
    diamond = np.array([[5.0, 0.0], [0.0, 5.0], [5.0, 10.0], [10.0, 5.0]])
    points = np.array([[5.0, 5.0], [1.0, 1.0], [5.0, 0.5], [5.0, 1.5]])
    assert inside_scan(points, diamond, 0.6).tolist() == [True, False, False, True]


def test_a_line_scan_is_refused():
    line = np.stack([np.zeros(20), np.linspace(0, 9, 20)], axis=-1)
    with pytest.raises(InputError, match="two-dimensional"):
        find(s.drawn(s.columns()[None])[0], scan=line)


def test_a_failed_phase_is_refused():
    phase = np.full(s.SHAPE, np.nan)
    with pytest.raises(InputError, match="finite"):
        find(phase)


@pytest.mark.parametrize("limit", [1.0, 1.8, 2.6])
@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_all_columns_of_the_grain_boundary_are_found(shared_data, limit, noise):
    """The mean projected potential of the whole cell, band-limited (1/Å), with noise, as a reconstruction."""
    with h5py.File(shared_data / "si_sigma9_tds.h5") as file:
        potential = file["truth/projected_potential_VA"]
        scale, corner = potential.attrs["sigma_rad_per_VA"], potential.attrs["origin_yx_A"]
        pixel, phase = potential.attrs["sampling_A"], potential[()] * scale
        true = file["truth/columns_mean"][()]
    k = np.fft.fftfreq(len(phase), pixel)
    band = k[:, None] ** 2 + k**2 < limit**2
    phase = np.fft.ifft2(np.fft.fft2(phase) * band).real
    phase += noise * np.random.default_rng(0).standard_normal(phase.shape)
    end = corner + pixel * len(phase)
    whole = np.array([corner, [corner[0], end[1]], [end[0], corner[1]], end])
    inner = inside_scan(true, whole, 0.7)
    found = ColumnFinder(margin=0.65).find(phase, pixel, corner, whole)
    assert inner.sum() > 50
    assert missed_and_false(found, true[inner])[0] == 0
    assert missed_and_false(found, true)[1] == 0
