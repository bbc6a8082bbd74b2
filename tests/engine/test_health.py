"""Signs and alarms: what is planted is found, what is right raises nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_mixedptycho.engine.alarms import Course, alarmed
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.health import Health, Watch

EDGE, PERIOD, ELECTRONS = 96, 4.0, 1e4
WATCH = Watch(ELECTRONS, PERIOD)


def columns(shift: tuple[float, float] = (0.0, 0.0), spacing: float = 6.0) -> np.ndarray:
    """Draw a lattice of atoms, displaced by px: (y, x)."""
    y, x = np.indices((EDGE, EDGE)) - np.array(shift)[:, None, None]
    lattice = np.cos(2 * np.pi * y / spacing) + np.cos(2 * np.pi * (0.4 * y + x) / spacing)
    return 0.1 * np.exp(lattice)


def snapshots(states: int, motion: float = 0.3, slices: int = 2, seed: int = 0) -> np.ndarray:
    """Return states that are moved copies of one specimen, with a little noise: (state, slice, y, x)."""
    random = np.random.default_rng(seed)
    shifts = motion * random.normal(size=(states, 2))
    drawn = np.stack([[columns(tuple(shift))] * slices for shift in shifts])
    return (drawn + 0.003 * random.normal(size=drawn.shape)).astype(np.float32)


def estimate(stored: np.ndarray, modes: tuple[float, ...] = (1.0,), electrons: float = ELECTRONS) -> Estimate:
    """Return an estimate of these states whose probe modes hold these shares."""
    probe = np.zeros((len(modes), 24, 24), np.complex64)
    probe[:, 12, 12] = np.sqrt(np.array(modes) / sum(modes) * electrons / len(stored))
    grid = 16 + PERIOD * np.indices((16, 16)).reshape(2, -1).T
    return Estimate(stored, probe, grid.astype(np.float64))


def look(stored: np.ndarray, **how: object) -> Health:
    return alarmed(WATCH.look(estimate(stored, **how)))  # type: ignore[arg-type]


def names(health: Health) -> list[str]:
    return [alarm.name for alarm in health.alarms]


def test_shares_add_up_and_are_equal_for_snapshots_of_one_specimen() -> None:
    found = look(snapshots(6))
    assert found.phase.shape == found.scattering.shape == (6, 2)
    assert found.phase.sum() == pytest.approx(1)
    np.testing.assert_allclose(found.phase, 1 / 12, rtol=0.1)
    np.testing.assert_allclose(found.scattering, 1 / 12, rtol=0.1)
    assert found.power == pytest.approx(1)


def test_scattering_is_the_power_outside_the_unscattered_wave() -> None:
    stored = snapshots(2)
    waves = np.exp(1j * stored).astype(np.complex64)
    window = (..., slice(16, 77), slice(16, 77))
    unscattered = abs(waves[window].mean(axis=(-2, -1))) ** 2
    np.testing.assert_allclose(
        look(stored).scattering, (1 - unscattered) / (1 - unscattered).sum(), rtol=1e-4
    )
    np.testing.assert_allclose(look(waves).scattering, look(stored).scattering, rtol=1e-4)
    np.testing.assert_allclose(look(waves).phase, look(stored).phase, rtol=1e-4)


def test_distances_are_those_of_pairs() -> None:
    stored = snapshots(3)
    found = look(stored)
    field = stored[..., 16:77, 16:77]
    moved = field - field.mean(axis=(-2, -1), keepdims=True)
    mean = np.sqrt((moved.mean(axis=0) ** 2).mean())
    for one in range(3):
        for other in range(3):
            wanted = np.sqrt(((moved[one] - moved[other]) ** 2).mean()) / mean
            assert found.distances[one, other] == pytest.approx(wanted, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("states", [1, 2, 5, 30])
@pytest.mark.parametrize("motion", [0.0, 0.02, 0.5])
def test_moving_and_stationary_specimens_raise_nothing(states: int, motion: float) -> None:
    assert look(snapshots(states, motion)).alarms == ()


def test_nothing_yet_raises_nothing_but_equal_states() -> None:
    assert look(np.zeros((1, 2, EDGE, EDGE), np.float32)).alarms == ()
    assert names(look(np.zeros((2, 2, EDGE, EDGE), np.float32))) == ["identical"]
    noise = np.random.default_rng(0).uniform(0, 1e-3, (5, 2, EDGE, EDGE)).astype(np.float32)
    assert "one_state" not in names(look(noise))


@pytest.mark.parametrize("states", [2, 8])
def test_a_state_that_takes_the_phase(states: int) -> None:
    stored = snapshots(states, 0.02)
    stored[1] *= 1.4
    found = look(stored)
    assert names(found) == ["one_state"]
    assert found.alarms[0].symptom.startswith("State 1 takes the phase: it carries 2.0 times")
    assert "patterns_per_update" in found.alarms[0].remedy


def test_a_slice_that_takes_the_phase() -> None:
    stored = snapshots(3, 0.02, slices=4)
    stored[:, 2] *= 2.5
    found = look(stored)
    assert names(found) == ["one_slice"]
    assert found.alarms[0].symptom.startswith("Slice 2 takes the phase")
    # A specimen that is denser at one side is no failure.
    uneven = snapshots(3, 0.02, slices=4) * np.array([1.0, 1.2, 1.4, 1.6])[:, None, None]
    assert look(uneven.astype(np.float32)).alarms == ()


def test_states_that_have_nothing_in_common() -> None:
    random = np.random.default_rng(1)
    stored = snapshots(5, 0.0) + random.normal(0, 0.2, (5, 2, EDGE, EDGE)).astype(np.float32)
    found = look(stored)
    assert names(found) == ["strangers"]
    assert found.apart > 1


def test_states_that_start_from_noise_have_time_to_become_alike() -> None:
    random = np.random.default_rng(1)
    stored = snapshots(5, 0.0) + random.normal(0, 0.2, (5, 2, EDGE, EDGE)).astype(np.float32)
    found = WATCH.look(estimate(stored))
    losses = list(np.geomspace(1, 0.5, 10))
    coming = Course(losses, apart=list(np.linspace(2 * found.apart, found.apart, 10)))
    going = Course(losses, apart=list(np.linspace(0.5 * found.apart, found.apart, 10)))
    assert names(alarmed(found, coming)) == []
    assert names(alarmed(found, going)) == ["strangers"]
    assert names(alarmed(found, Course(losses[:3], apart=going.apart[-3:]))) == []


def test_duplicates_among_states_that_differ() -> None:
    stored = snapshots(5, 0.3)
    stored[4] = stored[1]
    found = look(stored)
    assert names(found) == ["duplicates"]
    assert found.alarms[0].symptom == "States 1 and 4 are the same, while others differ."


def test_equal_states() -> None:
    stored = np.repeat(snapshots(1), 4, axis=0)
    assert names(look(stored)) == ["identical"]
    displaced = replace(estimate(stored[:1]), displacement=np.zeros((4, 2, EDGE, EDGE), np.float32))
    found = alarmed(Watch().look(displaced))
    assert (found.states, names(found)) == (4, ["identical"])


def test_probe_modes_and_power() -> None:
    stored = snapshots(1)
    assert look(stored, modes=(1.0, 0.02, 1e-3)).alarms == ()
    assert names(look(stored, modes=(1.0, 1e-7))) == ["one_mode"]
    assert names(look(stored, electrons=3 * ELECTRONS)) == ["probe_power"]
    assert names(look(stored, electrons=0.3 * ELECTRONS)) == ["probe_power"]
    assert alarmed(Watch().look(estimate(stored, electrons=99.0))).alarms == ()


def ripple(size: float, along: tuple[int, ...] = (0, 1)) -> np.ndarray:
    """Return a ripple of the scan's period, along y, x or both; `size` of the rms of the specimen."""
    grid = np.indices((EDGE, EDGE)) * 2 * np.pi / PERIOD
    height = size * columns()[16:77, 16:77].std()
    return sum(height * np.cos(grid[axis] + 0.5) for axis in along).astype(np.float32)


def test_texture_of_the_scan_grid() -> None:
    specimen = snapshots(2, 0.02)
    found = look(specimen + ripple(0.1))
    assert names(found) == ["grid_texture"]
    assert found.ripple == pytest.approx(0.1, rel=0.2)
    assert look(specimen + ripple(0.005)).alarms == ()
    # One direction alone may be a reflection of the crystal.
    assert look(specimen + ripple(0.3, (0,))).alarms == ()


def test_a_scan_finer_than_two_pixels_has_no_texture() -> None:
    found = alarmed(Watch(ELECTRONS, 1.5).look(estimate(snapshots(2))))
    assert np.isnan(found.texture)
    assert found.alarms == ()


def course(loss: list[float], held_out: list[float] | None = None) -> list[str]:
    return names(alarmed(WATCH.look(estimate(snapshots(2))), Course(loss, held_out or [np.nan] * len(loss))))


def test_a_loss_that_rises() -> None:
    falling = list(np.geomspace(1, 0.1, 20))
    assert course(falling) == []
    assert course([*falling, *np.linspace(0.1, 0.3, 10)]) == ["rising"]
    random = np.random.default_rng(0)
    assert course(list(0.1 * (1 + 0.02 * random.normal(size=40)))) == []  # batches differ
    assert course([1.0, 2.0, 3.0]) == []  # too early to tell


def test_noise_that_is_fitted() -> None:
    falling = list(0.5 + np.geomspace(0.5, 0.05, 25))
    turning = [0.52 + (step - 12) ** 2 * 1e-3 for step in range(25)]
    assert course(falling, turning) == ["overfit"]
    assert course(falling, [value + 0.01 for value in falling]) == []
    assert course(falling, [0.52 + max(0, 12 - step) * 1e-2 + 1e-5 * step for step in range(25)]) == []


def test_one_position_and_one_row() -> None:
    stored = snapshots(2)
    for places in ([[40.0, 40.0]], [[40.0, 20.0 + 4 * step] for step in range(10)]):
        found = WATCH.look(replace(estimate(stored), positions=np.array(places)))
        assert np.isfinite(found.phase).all()
        assert alarmed(found).alarms == ()


def test_a_large_field_is_thinned_out_without_changing_the_picture() -> None:
    whole = np.tile(snapshots(3), (1, 1, 4, 4))
    large = replace(estimate(whole), positions=np.array([[8.0, 8.0], [370.0, 370.0]]))
    small = WATCH.look(estimate(snapshots(3)))
    np.testing.assert_allclose(WATCH.look(large).phase, small.phase, rtol=0.05)
    np.testing.assert_allclose(WATCH.look(large).distances, small.distances, rtol=0.25, atol=1e-6)
