"""Each linear piece of the forward model: adjoint identity, energy, and what it does to a known wave."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from napari_mixedptycho.engine.detector import Detector
from napari_mixedptycho.engine.incidence import incident_waves, shift_ramps, split_positions
from napari_mixedptycho.engine.modes import gram_schmidt, rotation
from napari_mixedptycho.engine.multislice import Watch, far_field
from napari_mixedptycho.engine.objects import project
from napari_mixedptycho.engine.problem import chunks, compact_order, divide
from napari_mixedptycho.optics import parametric_probe, propagator
from tests.physics.toys import ENERGY, SAMPLING, SPACING, inner, random_like

RANDOM = np.random.default_rng(3)


def waves(*shape: int) -> np.ndarray:
    return random_like(np.zeros(shape, complex), RANDOM)


# --- detector -------------------------------------------------------------------------------------

SIZES = [(8, 8), (8, 12), (7, 10), (7, 9), (8, 9), (1, 4)]


@pytest.mark.parametrize(("size", "padded"), SIZES)
def test_embed_is_the_adjoint_of_crop(size: int, padded: int) -> None:
    detector = Detector(size, padded)
    field, measured = waves(2, padded, padded), waves(2, size, size)
    left, right = inner(detector.crop(field), measured), inner(field, detector.embed(measured))
    assert left == pytest.approx(right, rel=1e-13)
    np.testing.assert_array_equal(detector.crop(detector.embed(measured)), measured)


@pytest.mark.parametrize(("size", "padded"), SIZES)
def test_crop_keeps_each_frequency(size: int, padded: int) -> None:
    def frequencies(n: int) -> np.ndarray:
        # As in files: zero at n // 2, brought into the corner.
        return np.fft.ifftshift(np.arange(n) - n // 2)

    ky, kx = np.meshgrid(frequencies(padded), frequencies(padded), indexing="ij")
    cropped = Detector(size, padded).crop(np.stack([ky, kx]))
    expected = np.stack(np.meshgrid(frequencies(size), frequencies(size), indexing="ij"))
    np.testing.assert_array_equal(cropped, expected)


# --- probe at scan positions ----------------------------------------------------------------------


def test_positions_split_into_windows_and_small_shifts() -> None:
    positions = RANDOM.uniform(10, 20, (50, 2))
    for size in (8, 9):
        corners, shifts = split_positions(positions, size, (40, 40))
        assert corners.dtype == np.int64
        assert np.abs(shifts).max() <= 0.5
        np.testing.assert_allclose(corners + size // 2 + shifts, positions, atol=1e-13)


def test_windows_stay_inside_the_object() -> None:
    positions = np.array([[1.2, 9.0], [15.9, 12.0], [-30.0, 60.0]])
    corners, shifts = split_positions(positions, 8, (16, 20))
    assert corners.min() >= 0
    assert (corners + 8 <= (16, 20)).all()
    np.testing.assert_allclose(corners + 4 + shifts, positions)


@pytest.mark.parametrize("size", [16, 17])
def test_incident_waves_are_the_shifted_probe(size: int) -> None:
    # A Gaussian that the window holds entirely: the shifted samples are known.
    def gaussian(centre: np.ndarray) -> np.ndarray:
        y, x = np.indices((size, size)) - size // 2
        return np.exp(-((y - centre[0]) ** 2 + (x - centre[1]) ** 2) / 5).astype(complex)

    shifts = np.array([[0.0, 0.0], [0.4, -0.3], [-0.25, 0.5]])
    spectrum = np.fft.fft2(gaussian(shifts[0]))[None]
    incident, _ = incident_waves(spectrum, shift_ramps(shifts, size, spectrum))
    for wave, shift in zip(incident[:, 0], shifts, strict=True):
        np.testing.assert_allclose(wave * size, gaussian(shift), atol=2e-5)  # divided by the edge


def test_incident_waves_keep_the_energy_but_for_the_highest_frequency() -> None:
    probe = parametric_probe(13, SAMPLING, ENERGY, 30.0, 20.0)
    ramps = shift_ramps(RANDOM.uniform(-0.5, 0.5, (4, 2)), 13, probe)
    incident, _ = incident_waves(np.fft.fft2(probe)[None], ramps)
    np.testing.assert_allclose((np.abs(incident * 13) ** 2).sum(axis=(1, 2, 3)), 1, rtol=1e-13)


def test_pullback_of_incident_waves_is_their_adjoint() -> None:
    spectrum = waves(2, 9, 9)
    incident, back = incident_waves(spectrum, shift_ramps(RANDOM.uniform(-0.5, 0.5, (3, 2)), 9, spectrum))
    other = waves(*incident.shape)
    gradient, _ = back(other.conj(), False)
    assert inner(other, incident) == pytest.approx(inner(gradient.conj(), spectrum), rel=1e-12)


# --- multislice -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("slices", "states", "modes"), list(itertools.product((1, 2, 3), (1, 2), (1, 2))))
def test_pullback_of_the_far_field_is_its_adjoint(slices: int, states: int, modes: int) -> None:
    size, count = 8, 3
    move = waves(size, size)  # any linear propagator
    patches = [waves(count, states, 1, size, size) for _ in range(slices)]
    incident = waves(count, 1, modes, size, size)
    before = [patch.copy() for patch in patches]
    far, back = far_field(incident, patches, move)
    assert far.shape == (count, states, modes, size, size)
    other = waves(*far.shape)
    shares: dict[int, np.ndarray] = {}
    entrance = back(other.conj(), Watch(shares.__setitem__))
    assert inner(other, far) == pytest.approx(inner(entrance.conj(), incident[:, 0]), rel=1e-11)
    # The far field is linear in each slice alone, too.
    assert sorted(shares) == list(range(slices))
    for index, patch in enumerate(patches):
        np.testing.assert_array_equal(patch, before[index])
        assert inner(shares[index].conj(), patch[:, :, 0]) == pytest.approx(inner(other, far), rel=1e-11)


def test_vacuum_and_phase_objects_keep_every_electron() -> None:
    size, move = 16, propagator(16, SAMPLING, ENERGY, SPACING) / 16**2
    incident = waves(2, 1, 2, size, size)
    patches = [np.exp(1j * RANDOM.normal(size=(2, 3, 1, size, size))) for _ in range(3)]
    far, _ = far_field(incident, patches, move)
    power = (np.abs(incident) ** 2).sum(axis=(-2, -1)) * size**2  # the transform is not scaled
    np.testing.assert_allclose(
        (np.abs(far) ** 2).sum(axis=(-2, -1)), np.broadcast_to(power, (2, 3, 2)), rtol=1e-12
    )


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("slices", [1, 3])
def test_a_rising_phase_deflects_towards_rising_frequency(axis: int, slices: int) -> None:
    size, orders = 16, 3
    ramp = np.exp(2j * np.pi * np.indices((size, size))[axis] * orders / size / slices)
    if slices == 1:
        patches = [ramp[None, None, None]]
    else:
        patches = [(ramp if s == 0 else np.ones_like(ramp)) ** slices for s in range(slices)]
        patches = [patch[None, None, None] for patch in patches]
    probe = parametric_probe(size, SAMPLING, ENERGY, 30.0, 0.0)
    far, _ = far_field(
        probe[None, None, None], patches, propagator(size, SAMPLING, ENERGY, SPACING) / size**2
    )
    pattern = np.fft.fftshift(np.abs(far[0, 0, 0]) ** 2)
    centre = (pattern * np.indices((size, size))[axis]).sum() / pattern.sum() - size // 2
    assert centre == pytest.approx(orders, abs=1e-6)


def test_slices_are_crossed_in_order_and_parted_by_one_propagation() -> None:
    size, move = 16, propagator(16, SAMPLING, ENERGY, SPACING)
    first, second = (np.exp(1j * RANDOM.normal(size=(size, size))) for _ in range(2))
    incident = waves(size, size)
    far, _ = far_field(
        incident[None, None, None], [first[None, None, None], second[None, None, None]], move / size**2
    )
    exit_wave = second * np.fft.ifft2(np.fft.fft2(incident * first) * move)
    np.testing.assert_allclose(far[0, 0, 0], np.fft.fft2(exit_wave), atol=1e-11)


# --- object types ---------------------------------------------------------------------------------


def test_only_a_potential_is_held_above_zero() -> None:
    phase = RANDOM.normal(size=(1, 1, 4, 4))
    np.testing.assert_array_equal(project(phase, "potential"), np.where(phase > 0, phase, 0))
    np.testing.assert_array_equal(project(phase, "phase"), phase)


# --- modes ----------------------------------------------------------------------------------------


def gram(probe: np.ndarray) -> np.ndarray:
    flat = probe.reshape(len(probe), -1)
    return flat.conj() @ flat.T


@pytest.mark.parametrize("modes", [1, 2, 4])
def test_rotation_makes_modes_orthogonal_and_keeps_their_sum(modes: int) -> None:
    probe = waves(modes, 6, 6)
    turned = rotation(probe)(probe)
    overlap = gram(turned)
    np.testing.assert_allclose(overlap - np.diag(np.diag(overlap)), 0, atol=1e-12)
    assert (np.diff(np.diag(overlap).real) <= 1e-12).all(), "strongest first"
    # Σ_m P_m(a)·conj(P_m(b)) is what patterns are made of.
    a, b = probe.reshape(modes, -1), turned.reshape(modes, -1)
    np.testing.assert_allclose(b.T @ b.conj(), a.T @ a.conj(), atol=1e-12)


def test_gram_schmidt_is_that_of_the_textbook() -> None:
    probe = waves(4, 6, 6)
    found = gram_schmidt(probe)
    overlap = gram(found)
    np.testing.assert_allclose(overlap - np.diag(np.diag(overlap)), 0, atol=1e-12)
    expected: list[np.ndarray] = []
    for mode in probe:
        rest = mode.copy()
        for earlier in expected:
            rest -= earlier * np.vdot(earlier, mode) / np.vdot(earlier, earlier)
        expected.append(rest)
    np.testing.assert_allclose(found, expected, atol=1e-12)


# --- lanes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("scan", [(1, 1), (1, 9), (7, 1), (6, 11)])
def test_lanes_and_chunks_hold_every_position_once(scan: tuple[int, int]) -> None:
    positions = np.indices(scan).reshape(2, -1).T * 0.4
    order = compact_order(positions)
    lanes = divide(order, 16)
    assert len(lanes) <= 16
    found = np.concatenate([part for lane in lanes for part in chunks(lane, 4)])
    np.testing.assert_array_equal(np.sort(found), np.arange(len(positions)))
    assert max(len(part) for lane in lanes for part in chunks(lane, 4)) <= 4
    sizes = [len(lane) for lane in lanes]
    assert max(sizes) - min(sizes) <= 1


def test_neighbours_in_the_order_are_neighbours_in_the_scan() -> None:
    positions = np.indices((24, 24)).reshape(2, -1).T.astype(float)
    lanes = divide(compact_order(positions), 16)
    areas = [np.prod(np.ptp(positions[lane], axis=0) + 1) for lane in lanes]
    # In the order of the scan a lane of 36 points would span two rows of 24; a square one is 6 × 6.
    assert max(areas) <= 2.5 * 36
