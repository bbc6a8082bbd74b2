"""Two images of the same place: equal, moved, tilted, unrelated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_mixedptycho.analysis.pair import (
    differing,
    half_bit,
    noise,
    pair,
    power_spectrum,
    ring_correlation,
)
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.recipe import Recipe
from tests.analysis import specimen as s

RANDOM = np.random.default_rng(0)


def test_identical_images_agree_everywhere_and_noise_nowhere() -> None:
    one, other = RANDOM.normal(size=(2, 128, 128))
    same = ring_correlation(one, one, 0.2)
    np.testing.assert_allclose(same.value, 1.0, atol=1e-9)
    assert same.frequency[-1] == pytest.approx(2.5)
    assert np.abs(ring_correlation(one, other, 0.2).value[5:]).mean() < 0.1


def test_two_noisy_images_agree_as_far_as_their_signal_goes() -> None:
    """FRC of signal + independent noise is S/(S + N) on each ring."""
    signal, *noises = RANDOM.normal(size=(3, 256, 256))
    ky, kx = np.fft.fftfreq(256)[:, None], np.fft.fftfreq(256)
    low = np.hypot(ky, kx) < 0.2
    signal = np.fft.ifft2(np.fft.fft2(signal) * low).real
    found = ring_correlation(signal + 0.5 * noises[0], signal + 0.5 * noises[1], 1.0)
    inside = (found.frequency > 0.03) & (found.frequency < 0.18)
    assert found.value[inside].mean() == pytest.approx(1 / 1.25, abs=0.03)
    assert np.abs(found.value[found.frequency > 0.22]).mean() < 0.06


def test_the_half_bit_threshold_knows_how_many_pixels_are_independent() -> None:
    """Of unrelated images the ring correlation scatters by 1/√(2n), n being those on which it is built."""
    images = RANDOM.normal(size=(60, 64, 64))
    pairs = [
        ring_correlation(one, other, 0.2).value for one, other in zip(images[::2], images[1::2], strict=True)
    ]
    scatter = np.sqrt(np.mean(np.square(pairs), axis=0))[8:]
    threshold = half_bit((64, 64), 0.2)
    few = (1.2071 * threshold.value - 0.2071) / (1.9102 - 0.9102 * threshold.value)  # 1/√n
    np.testing.assert_allclose(scatter.mean(), (few[8:] / np.sqrt(2)).mean(), rtol=0.1)
    # Rings of more pixels tell signal from noise at less correlation, down to 0.2071 of the noise.
    large = half_bit((1024, 1024), 0.2).value
    assert large[20] > large[100] > large[-1] > 0.2071 / 1.2071


def test_the_information_limit_is_where_the_signal_sinks_into_the_noise() -> None:
    """A ring correlation T belongs to a signal of T/(1 − T) of the noise."""
    signal, *noises = np.random.default_rng(5).normal(size=(3, 512, 512))
    k = np.hypot(np.fft.fftfreq(512)[:, None], np.fft.fftfreq(512))
    signal = np.fft.ifft2(np.fft.fft2(signal) * np.exp(-((k / 0.15) ** 2))).real
    found = ring_correlation(signal + 0.3 * noises[0], signal + 0.3 * noises[1], 1.0)
    limit = half_bit((512, 512), 1.0)
    ring = np.flatnonzero(found.value < limit.value)[0]
    signal_to_noise = limit.value[ring] / (1 - limit.value[ring])
    expected = 0.15 * np.sqrt(-np.log(0.09 * signal_to_noise) / 2)  # exp(−2k²/0.15²) = 0.09 · that
    assert found.frequency[ring] == pytest.approx(expected, rel=0.06)


def test_the_power_of_white_noise_is_flat_and_has_the_unit_of_its_area() -> None:
    found = power_spectrum(0.3 * RANDOM.normal(size=(128, 128)), 0.2)
    np.testing.assert_allclose(found.value[5:].mean(), 0.09 * 0.04, rtol=0.03)


def moved(shift: np.ndarray, slope: float, noise_level: float, seed: int = 1) -> object:
    return s.result(s.drawn(s.columns()[None] + shift, slope=slope, noise=noise_level, seed=seed))


def test_a_shift_and_a_ramp_are_found_and_taken_out() -> None:
    shift = np.array([0.13, -0.21])
    found = pair(moved(np.zeros(2), 0.0, 0.0), moved(shift, 0.01, 0.0))
    np.testing.assert_allclose(found.shift, shift, atol=0.01)
    np.testing.assert_allclose(found.ramp, 0.01, atol=0.003)
    assert found.difference < 0.06
    assert found.recipes == {}


def test_another_pixel_is_no_difference() -> None:
    one = moved(np.zeros(2), 0.0, 0.0)
    y, x = (o + 0.15 * np.arange(125) for o in s.ORIGIN)
    rows = np.exp(-((y - s.columns()[:, :1]) ** 2) / (2 * 0.28**2))
    cols = np.exp(-((x - s.columns()[:, 1:]) ** 2) / (2 * 0.28**2))
    phase = 0.8 * np.einsum("ny,nx->yx", rows, cols) + 0.1
    geometry = replace(one.geometry, sampling=0.15, shape=(125, 125))
    positions = geometry.to_pixels(s.scan())
    estimate = replace(
        one.estimate, object=np.stack([phase / 2] * 2)[None].astype(np.float32), positions=positions
    )
    found = pair(one, one.replace(geometry=geometry, estimate=estimate))
    assert np.abs(found.shift).max() < 0.01
    assert found.difference < 0.02


def test_noise_between_columns_is_that_put_there() -> None:
    quiet, loud = (noise(moved(np.zeros(2), 0.0, level)) for level in (0.0, 0.04))
    assert quiet < 0.015
    assert loud == pytest.approx(np.hypot(0.04 / 0.8, quiet), rel=0.15)
    found = pair(moved(np.zeros(2), 0.0, 0.04, 1), moved(np.zeros(2), 0.0, 0.04, 2))
    assert found.resolution is not None
    # Columns of 0.28 Å sd fade into this noise between 1 and 2 1/Å.
    assert 0.9 < found.resolution < 2.2
    assert found.information is not None
    assert 0.8 < found.information <= found.resolution * 1.1
    assert pair(moved(np.zeros(2), 0.0, 0.0), moved(np.zeros(2), 0.0, 0.0)).information is None


def test_recipes_are_told_apart_by_setting() -> None:
    other = Recipe().with_set("model.states=4").with_set("stages.moving.iterations=9")
    assert differing(Recipe(), other) == {"model.states": (8, 4), "stages.2.iterations": (30, 9)}


def test_other_places_are_refused() -> None:
    one = moved(np.zeros(2), 0.0, 0.0)
    far = replace(one.geometry, origin=(50.0, 50.0))
    with pytest.raises(InputError, match="share too little"):
        pair(one, one.replace(geometry=far))
