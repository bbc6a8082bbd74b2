"""Wavelength, aperture, probe and propagator against theory, sign by sign."""

from __future__ import annotations

import numpy as np
import pytest

from napari_mixedptycho.optics import (
    aperture,
    band_limit,
    frequencies,
    parametric_probe,
    propagator,
    wavelength,
)

SIZE, SAMPLING, ENERGY, SEMIANGLE = 96, 0.18, 60e3, 30.0


def width(wave: np.ndarray) -> float:
    """Rms radius, px, of the intensity of a wave about the centre of its window."""
    intensity = np.abs(wave) ** 2
    y, x = np.indices(wave.shape) - len(wave) // 2
    return float(np.sqrt(np.sum(intensity * (y**2 + x**2)) / intensity.sum()))


def propagated(wave: np.ndarray, distance: float) -> np.ndarray:
    move = propagator(len(wave), SAMPLING, ENERGY, distance)
    return np.fft.ifft2(np.fft.fft2(wave) * move)


@pytest.mark.parametrize(
    ("energy", "expected"),
    [(60e3, 0.048661), (100e3, 0.037014), (200e3, 0.025079), (300e3, 0.0196875), (1e3, 0.38764)],
)
def test_wavelength(energy: float, expected: float) -> None:
    assert wavelength(energy) == pytest.approx(expected, rel=2e-5)


def test_slow_electrons_follow_de_broglie() -> None:
    # h²c²/(2·m·c²·E): the limit without relativity, 12.2643 Å at 1 eV.
    assert wavelength(1.0) == pytest.approx(12.26426, rel=1e-5)


@pytest.mark.parametrize("size", [8, 9])
def test_frequencies_start_in_the_corner(size: int) -> None:
    ky, kx = frequencies(size, 0.5)
    assert (ky.shape, kx.shape) == ((size, 1), (1, size))
    assert ky[0, 0] == kx[0, 0] == 0
    assert kx[0, 1] == pytest.approx(1 / (size * 0.5))
    assert kx[0, -1] == -kx[0, 1]


def test_propagators_form_a_group() -> None:
    near, far = propagator(SIZE, SAMPLING, ENERGY, 3.0), propagator(SIZE, SAMPLING, ENERGY, 4.5)
    np.testing.assert_allclose(near * far, propagator(SIZE, SAMPLING, ENERGY, 7.5), atol=1e-13)
    np.testing.assert_allclose(near * propagator(SIZE, SAMPLING, ENERGY, -3.0), 1, atol=1e-13)
    np.testing.assert_allclose(np.abs(near), 1, atol=1e-14)
    assert propagator(SIZE, SAMPLING, ENERGY, 0.0).imag.max() == 0


def test_propagator_turns_the_phase_backwards() -> None:
    k = frequencies(SIZE, SAMPLING)[1][0, 1]
    phase = np.angle(propagator(SIZE, SAMPLING, ENERGY, 2.0)[0, 1])
    assert phase == pytest.approx(-np.pi * wavelength(ENERGY) * 2.0 * k**2)


def test_a_tilted_wave_drifts_towards_its_tilt() -> None:
    # exp(+2πi·k·r) with k = +kx travels towards +x, by distance·λ·k: the two signs belong together.
    y, x = np.indices((SIZE, SIZE)) - SIZE // 2
    k = 8 / (SIZE * SAMPLING)
    packet = np.exp(-(y**2 + x**2) / 200 + 2j * np.pi * k * x * SAMPLING)
    distance = 60.0
    after = np.abs(propagated(packet, distance)) ** 2
    drift = float((after * x).sum() / after.sum()) * SAMPLING
    assert drift == pytest.approx(distance * wavelength(ENERGY) * k, rel=1e-3)


@pytest.mark.parametrize("defocus", [50.0, -50.0])
def test_positive_defocus_puts_the_crossover_below_the_surface(defocus: float) -> None:
    probe = parametric_probe(SIZE, SAMPLING, ENERGY, SEMIANGLE, defocus)
    distances = np.arange(-80.0, 81.0, 10.0)
    widths = [width(propagated(probe, distance)) for distance in distances]
    assert distances[int(np.argmin(widths))] == defocus
    focused = parametric_probe(SIZE, SAMPLING, ENERGY, SEMIANGLE, 0.0)
    np.testing.assert_allclose(propagated(probe, defocus), focused, atol=1e-13)


def test_probe_has_unit_power_and_stands_in_the_centre() -> None:
    probe = parametric_probe(SIZE, SAMPLING, ENERGY, SEMIANGLE, 0.0)
    intensity = np.abs(probe) ** 2
    assert intensity.sum() == pytest.approx(1)
    assert np.unravel_index(intensity.argmax(), intensity.shape) == (SIZE // 2, SIZE // 2)
    # Airy: half of the light within 0.535·λ/(2·α) of the centre (1.0 would be the wrong aperture by 2).
    y, x = (np.indices(probe.shape) - SIZE // 2) * SAMPLING
    radius = 0.535 * wavelength(ENERGY) / (2 * SEMIANGLE * 1e-3)
    assert intensity[np.hypot(y, x) < radius].sum() == pytest.approx(0.5, abs=0.08)


def test_aperture_has_the_area_of_the_disk() -> None:
    pixel = 1 / (SIZE * SAMPLING)
    for radius in np.linspace(0.5, 0.7, 7):
        filled = aperture(SIZE, SAMPLING, radius)
        # A hard edge misses this by several per cent at some radii.
        assert filled.sum() * pixel**2 == pytest.approx(np.pi * radius**2, rel=2e-3)
        assert 0 <= filled.min() < filled.max() <= 1
        assert ((filled > 0) & (filled < 1)).any()


@pytest.mark.parametrize("fraction", [0.5, 2 / 3, 1.0])
def test_band_limit_keeps_a_disk(fraction: float) -> None:
    kept = band_limit(SIZE, SAMPLING, fraction)
    assert set(np.unique(kept)) == {0.0, 1.0}
    assert kept[0, 0] == 1
    assert kept.mean() == pytest.approx(np.pi / 4 * fraction**2, rel=0.03)
    # Along an axis: the last frequency kept is that part of the highest.
    assert np.count_nonzero(kept[0, : SIZE // 2 + 1]) - 1 == int(fraction * SIZE / 2)
