"""A whole run is the same at any number of threads, bit for bit; chunks change only rounding."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from napari_mixedptycho.reconstruct import reconstruct
from napari_mixedptycho.result import Result
from tests.physics.specimens import Specimen
from tests.physics.toys import recipe

SPECIMEN = Specimen(np.array([[1.0, 0.9], [2.6, 1.2]]), np.array([[0.1, 0.0], [-0.1, 0.0]]), scan=(7, 6))


def run(**how: Any) -> Result:
    stages = [
        {"name": "pure", "iterations": 4, "states": 1, "refine": ["object", {"kind": "probe", "start": 1}]},
        {"name": "mixed", "iterations": 5, "refine": ["object", "probe", "positions"]},
    ]
    chosen = recipe(
        model={"states": 3, "slices": 2, "probe_modes": 2},
        stages=stages,
        run={"seed": 5, **how},
    )
    data = SPECIMEN.blank().replace(patterns=SPECIMEN.measured())
    return list(reconstruct(chosen, data))[-1].result


@pytest.mark.parametrize("threads", [2, 5])
def test_threads_change_no_bit(threads: int) -> None:
    one, many = run(threads=1), run(threads=threads)
    assert many.history.loss == one.history.loss
    for name in ("object", "probe", "positions"):
        assert getattr(many.estimate, name).tobytes() == getattr(one.estimate, name).tobytes()


def test_chunks_change_only_rounding() -> None:
    one, other = run(patterns_per_chunk=1), run(patterns_per_chunk=7)
    np.testing.assert_allclose(other.history.loss, one.history.loss, rtol=1e-3)
    assert np.abs(other.estimate.object - one.estimate.object).max() < 2e-3


def test_another_seed_is_another_run() -> None:
    one, other = run(), run(seed=6)
    assert np.abs(one.estimate.object - other.estimate.object).max() > 1e-3


TURN = """
import hashlib
import numpy as np
from napari_mixedptycho.engine.modes import rotation

random = np.random.default_rng(0)
probe = (random.normal(size=(6, 96, 96)) + 1j * random.normal(size=(6, 96, 96))).astype(np.complex64)
print(hashlib.sha256(rotation(probe)(probe).tobytes()).hexdigest())
"""


def test_threads_of_the_linear_algebra_change_no_bit() -> None:
    found = set()
    for threads in ("1", "2"):
        names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
        environment = {**os.environ, **dict.fromkeys(names, threads)}
        command = [sys.executable, "-c", TURN]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        found.add(done.stdout)
    assert len(found) == 1
