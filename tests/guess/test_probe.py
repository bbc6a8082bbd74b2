"""The first probe and its companions."""

from __future__ import annotations

import numpy as np
import pytest

from napari_mixedptycho.guess.probe import AberrationProbe, MeanPatternProbe, probe_modes
from napari_mixedptycho.optics import parametric_probe
from tests.physics.toys import dataset


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    return float(abs(np.vdot(a, b)) / np.linalg.norm(a) / np.linalg.norm(b))


def vacuum(size: int, padded: int, defocus: float) -> tuple[object, float, np.ndarray]:
    """Return data without a specimen (every pattern is the aperture), their sampling and their probe."""
    sampling = 1 / (padded * 0.08)
    probe = parametric_probe(padded, sampling, 60e3, 30.0, defocus)
    far = np.fft.fftshift(np.abs(np.fft.fft2(probe, norm="ortho")) ** 2)
    first = padded // 2 - size // 2
    pattern = far[first : first + size, first : first + size]
    data = dataset(
        patterns=np.broadcast_to(pattern, (2, 3, size, size)).astype(np.float32),
        defocus=defocus,
        detector_sampling=0.08,
    )
    return data, sampling, probe


@pytest.mark.parametrize("defocus", [0.0, 30.0, -30.0])
@pytest.mark.parametrize(("size", "padded"), [(24, 24), (24, 36), (23, 36)])
def test_both_probes_find_the_one_that_made_the_pattern(size: int, padded: int, defocus: float) -> None:
    data, sampling, truth = vacuum(size, padded, defocus)
    for guess in (AberrationProbe(), MeanPatternProbe()):
        wave = guess.wave(data, padded, sampling)
        assert wave.shape == (padded, padded)
        assert np.linalg.norm(wave) == pytest.approx(1)
        assert overlap(wave, truth) > 0.9999


def test_mean_pattern_probe_shows_the_aperture_that_is_there() -> None:
    # A beam stop in the bright field: the pattern knows of it, the numbers do not.
    data, sampling, _ = vacuum(24, 24, 0.0)
    patterns = data.patterns.copy()
    patterns[..., 12:15, 12:15] = 0
    wave = MeanPatternProbe().wave(data.replace(patterns=patterns), 24, sampling)
    spectrum = np.abs(np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(wave)))) ** 2
    assert spectrum[12:15, 12:15].max() < 1e-12 * spectrum.max()
    assert spectrum[12, 10] > 0.9 * spectrum.max()


def test_mean_pattern_probe_leaves_the_dark_field_out() -> None:
    data, sampling, truth = vacuum(24, 24, 20.0)
    patterns = data.patterns + np.float32(0.05 * data.patterns.max())
    wave = MeanPatternProbe().wave(data.replace(patterns=patterns), 24, sampling)
    spectrum = np.abs(np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(wave)))) ** 2
    k = np.hypot(*(np.indices((24, 24)) - 12)) * 0.08
    assert spectrum[k > 0.6165 + 2 * 0.08].max() < 1e-12 * spectrum.max()
    assert overlap(wave, truth) > 0.99


@pytest.mark.parametrize("modes", [1, 2, 3, 6])
@pytest.mark.parametrize("size", [24, 25])
def test_modes_are_orthogonal_with_the_stated_powers(modes: int, size: int) -> None:
    wave = parametric_probe(size, 0.3, 60e3, 30.0, 20.0)
    found = probe_modes(wave, modes, 0.03).reshape(modes, -1)
    powers = np.array([1.0] + [0.03] * (modes - 1))
    powers /= powers.sum()
    np.testing.assert_allclose(found.conj() @ found.T, np.diag(powers), atol=1e-12)


def test_first_mode_is_the_wave_itself() -> None:
    wave = parametric_probe(24, 0.3, 60e3, 30.0, 20.0)
    np.testing.assert_allclose(probe_modes(wave, 1, 0.02)[0], wave, atol=1e-13)
    np.testing.assert_allclose(probe_modes(wave, 3, 0.02)[0], wave / np.sqrt(1.04), atol=1e-13)


def test_further_modes_pass_the_same_aperture() -> None:
    wave = parametric_probe(24, 0.3, 60e3, 30.0, 0.0)
    spectra = np.abs(np.fft.fft2(probe_modes(wave, 4, 0.02)))
    closed = np.abs(np.fft.fft2(wave)) < 1e-9
    assert closed.any()
    assert spectra[:, closed].max() < 1e-9


@pytest.mark.parametrize(("modes", "share"), [(4, 0.4), (60, 0.02)])
def test_many_strong_modes_share_the_power(modes: int, share: float) -> None:
    found = probe_modes(parametric_probe(24, 0.3, 60e3, 30.0, 0.0), modes, share)
    powers = (np.abs(found) ** 2).sum(axis=(1, 2))
    assert powers.sum() == pytest.approx(1)
    np.testing.assert_allclose(powers[1:], share * powers[0])
