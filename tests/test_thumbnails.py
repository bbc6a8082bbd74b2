"""Quick looks at the eight orientations: the right one wins, and says by how much."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_mixedptycho.calibrated import with_measured
from napari_mixedptycho.calibration import Calibration, calibrate
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.orientation import Orientation
from napari_mixedptycho.thumbnails import (
    Choice,
    Thumbnail,
    ThumbnailSettings,
    eight,
    middle,
    orientation_thumbnails,
    ranked,
    settled,
    with_choice,
)
from tests.calibration.scans import DK, ENERGY, SEMIANGLE, STEP, TURNED, scan

QUICK = ThumbnailSettings(points=12, iterations=8)


@pytest.fixture(scope="module")
def data() -> Dataset:
    return Dataset(scan(), ENERGY, SEMIANGLE, STEP, DK, electrons_per_unit=1.0)


@pytest.fixture(scope="module")
def found(data: Dataset) -> Calibration:
    return calibrate(data)


@pytest.fixture(scope="module")
def choice(data: Dataset, found: Calibration) -> Choice:
    """Return the choice for a calibration that got it wrong: mirrored."""
    wrong = replace(found, orientation=Orientation.of(np.diag([1.0, -1.0]) @ found.orientation.matrix))
    looks = list(orientation_thumbnails(with_measured(data, wrong), wrong, QUICK))
    assert looks[0].orientation == wrong.orientation
    return ranked(looks)


def test_the_right_one_of_eight_wins(choice: Choice) -> None:
    assert len({look.orientation for look in choice.ordered}) == 8
    assert choice.winner.orientation == TURNED
    assert choice.winner.label == "transpose, flip_y"
    assert choice.margin > 0.02
    assert choice.winner.lean > 0.5
    assert choice.lean > 1
    # The second is the same turned by 180°: as low a loss, but its atoms are dark and it is as sharp.
    second = choice.ordered[1]
    assert (second.orientation.matrix == -TURNED.matrix).all()
    assert second.loss == pytest.approx(choice.winner.loss, rel=0.02)
    assert second.lean < -0.5
    assert second.defocus == -choice.winner.defocus
    others = choice.ordered[2:]
    assert all(look.loss > choice.winner.loss for look in others)
    assert choice.winner.sharpness > max(look.sharpness for look in others)
    assert "transpose, flip_y" in choice.sentence


def test_a_quick_look_can_be_left_in_the_middle(data: Dataset, found: Calibration) -> None:
    calls: list[int] = []

    def told() -> None:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        settled(with_measured(data, found), found, QUICK, told)
    assert len(calls) == 3, "after every iteration"


def test_pictures_are_of_the_scanned_field(choice: Choice) -> None:
    for look in choice.ordered:
        size = np.array(look.phase.shape) * look.sampling
        assert ((size > 11 * STEP) & (size < 2.2 * 11 * STEP)).all()  # a box around a turned square
        assert np.isfinite(look.phase).all()
    assert len({look.phase.shape for look in choice.ordered}) == 1


def test_they_come_one_by_one_and_can_be_left(data: Dataset, found: Calibration) -> None:
    looks = orientation_thumbnails(with_measured(data, found), found, QUICK)
    assert next(looks).orientation == found.orientation
    looks.close()
    with pytest.raises(StopIteration):
        next(looks)


def test_orientations_come_in_pairs_that_differ_by_half_a_turn() -> None:
    ways = eight(TURNED)
    assert len({orientation for orientation, _ in ways}) == 8
    assert ways[0] == (TURNED, 1)
    for (one, plus), (other, minus) in zip(ways[::2], ways[1::2], strict=True):
        assert (one.matrix == -other.matrix).all()
        assert (plus, minus) == (1, -1)


def test_an_inverted_phase_is_turned_back(data: Dataset, found: Calibration) -> None:
    wrong = found.upside_down()
    right, look = settled(with_measured(data, wrong), wrong, QUICK)
    assert look.lean < -0.5
    assert (right.orientation, right.defocus) == (found.orientation, found.defocus)
    same, look = settled(with_measured(data, found), found, QUICK)
    assert look.lean > 0.5
    assert same is found


def test_the_choice_of_the_user_becomes_the_calibration(found: Calibration, choice: Choice) -> None:
    assert with_choice(found, choice.winner) is found
    turned = with_choice(found, choice.ordered[1])
    assert turned.orientation == choice.ordered[1].orientation
    assert found.defocus is not None
    assert turned.defocus == found.defocus.negated()
    mirrored = with_choice(found, choice.ordered[2])
    assert mirrored.orientation == choice.ordered[2].orientation
    assert mirrored.defocus is not None
    assert mirrored.defocus.value == choice.ordered[2].defocus
    assert mirrored.sign is None


def test_a_fine_detector_is_binned_and_its_centre_stays_where_it_is(data: Dataset) -> None:
    fine = np.repeat(np.repeat(data.patterns[:10, :10], 3, axis=-1), 3, axis=-2).astype(np.uint16)
    fine[..., 30, 52] = 4000
    large = Dataset(fine, ENERGY, SEMIANGLE, STEP, DK / 3, electrons_per_unit=1.0)
    seen = calibrate(large)
    small, center = middle(large, seen, ThumbnailSettings(points=8, pixels=24))
    assert small.scan_shape == (8, 8)
    assert 24 <= small.detector_size <= 32
    factor = round(small.detector_sampling / large.detector_sampling)
    assert factor > 1
    assert small.mask is not None
    assert (~small.mask).sum() == 1  # the hot pixel
    y, x = np.indices(small.mask.shape) - np.array(center)[:, None, None]
    bright = small.mean_pattern * small.mask * (np.hypot(y, x) < 1.2 * seen.disk.radius.value / factor)
    assert (bright * np.stack([y, x])).sum(axis=(1, 2)) / bright.sum() == pytest.approx([0, 0], abs=0.4)


def test_ranking_needs_no_reconstruction() -> None:
    looks = [
        Thumbnail(way, 10.0 * sign, (0.0, 0.0), np.zeros((4, 4)), 0.2, loss, 1.3, lean)
        for (way, sign), loss, lean in zip(
            eight(Orientation()),
            (5.0, 5.1, 4.0, 3.9, 6, 6, 6, 6),
            (1.0, -1, -0.3, 0.4, 0, 0, 0, 0),
            strict=True,
        )
    ]
    choice = ranked(looks)
    assert choice.winner is looks[3]
    assert choice.margin == pytest.approx(5 / 3.9 - 1)
    assert choice.lean == pytest.approx(0.7)
    assert ranked(looks[:1]).winner is looks[0]
