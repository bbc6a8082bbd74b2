"""A lattice stands in the spectrum where its spacing says."""

from __future__ import annotations

import numpy as np
import pytest

from napari_mixedptycho.analysis.spectrum import mean_phase_spectrum
from tests.small import small, steps


def test_a_wave_is_a_peak_at_its_frequency() -> None:
    result = steps(small("data.scan_region=[0,14,0,14]", "stages=[{name='pure',iterations=1,states=1}]"))[
        -1
    ].result
    y, _ = np.indices(result.geometry.shape) * result.sampling
    wave = np.cos(2 * np.pi * y / 1.0).astype(np.float32)
    stored = np.broadcast_to(wave, result.estimate.object.shape).copy()
    power, edge = mean_phase_spectrum(
        result.replace(estimate=result.estimate.with_blocks({"object": stored}))
    )
    assert edge == pytest.approx(0.5 / result.sampling)
    n = len(power)
    row, column = np.unravel_index(power.argmax(), power.shape)
    assert column == n // 2
    assert abs(row - n // 2) / (n * result.sampling) == pytest.approx(1.0, abs=0.6 / (n * result.sampling))
