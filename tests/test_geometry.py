"""The object grid lies over the scanned field as the conventions say."""

from __future__ import annotations

import numpy as np
import pytest

from napari_mixedptycho.geometry import Geometry, padded_size
from tests.physics.toys import dataset


def test_scan_points_follow_each_other_along_x() -> None:
    data = dataset(scan=(3, 4))
    geometry = Geometry.of(data, 24, 2.0)
    points = geometry.to_angstroms(geometry.positions(data))
    iy, ix = divmod(np.arange(12), 4)
    np.testing.assert_allclose(points, np.stack([iy, ix], axis=1) * 0.4, atol=1e-12)


def test_pixels_and_angstroms_are_inverse() -> None:
    geometry = Geometry(24, 0.25, (60, 60), (-4.0, -3.0), 2.0)
    np.testing.assert_allclose(geometry.to_angstroms([4, 8]), [-3.0, -1.0])
    np.testing.assert_allclose(geometry.to_pixels(np.array([-3.0, -1.0])), [4, 8])


@pytest.mark.parametrize("scan", [(1, 1), (1, 7), (24, 24), (5, 3)])
@pytest.mark.parametrize("size", [24, 25])
def test_every_window_fits_with_room_to_move(scan: tuple[int, int], size: int) -> None:
    data = dataset(scan=scan)
    geometry = Geometry.of(data, size, 2.0)
    corners = np.rint(geometry.positions(data)) - size // 2
    assert corners.min() >= 2
    assert (corners.max(axis=0) + size <= np.array(geometry.shape) - 2).all()
    # ... and not much more room than that: the object is memory.
    assert (corners.max(axis=0) + size >= np.array(geometry.shape) - 5).all()


def test_sampling_is_that_of_the_padded_detector() -> None:
    data = dataset(size=16, detector_sampling=0.05)
    assert Geometry.of(data, 16, 2.0).sampling == pytest.approx(1 / (16 * 0.05))
    padded = Geometry.of(data, 24, 2.0)
    assert padded.sampling == pytest.approx(1 / (24 * 0.05))
    # Padding the detector leaves the field of view in real space as it is.
    assert padded.size * padded.sampling == pytest.approx(16 * 1 / (16 * 0.05))


@pytest.mark.parametrize(
    ("size", "factor", "expected"),
    [
        (64, 1.5, 96),
        (64, 1.0, 64),
        (128, 1.0, 128),
        (233, 1.0, 240),
        (15, 1.0, 16),
        (16, 1.1, 18),
        (8, 4, 32),
    ],
)
def test_padded_size(size: int, factor: float, expected: int) -> None:
    assert padded_size(dataset(scan=(1, 1), size=size), factor) == expected
