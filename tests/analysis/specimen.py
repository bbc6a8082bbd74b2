"""A small made-up specimen: dumb-bells that move by known amounts, drawn as Gaussian blobs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.dataset import Truth
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.geometry import Geometry
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.result import History, Result

Floats = NDArray[np.float64]

SAMPLING = 0.1875  # Å
ORIGIN = (-4.0, -4.0)  # Å
SHAPE = (100, 100)
FIELD = 10.0  # Å, edge of the scanned square
DUMB_BELL = 1.36  # Å


def columns() -> Floats:
    """Twelve columns: six dumb-bells in different directions, not on a lattice."""
    centres = np.array([[1.8, 1.9], [2.2, 5.1], [1.7, 8.0], [5.6, 2.0], [5.2, 5.6], [6.3, 8.1]])
    angles = np.radians([10.0, 75.0, 140.0, 40.0, 100.0, 170.0])
    half = DUMB_BELL / 2 * np.stack([np.sin(angles), np.cos(angles)], axis=-1)
    return np.concatenate([centres + half, centres - half])


def scan(step: float = 0.5) -> Floats:
    line = np.arange(0.0, FIELD + 1e-9, step)
    return np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)


def moving(count: int, sd: float = 0.054, seed: int = 0) -> Floats:
    """Positions (state, column, 2) scattered about `columns`, Å."""
    steps = np.random.default_rng(seed).normal(0.0, sd, (count, len(columns()), 2))
    return columns() + steps


def drawn(
    positions: Floats, width: float = 0.28, slope: float = 0.0, noise: float = 0.0, seed: int = 1
) -> Floats:
    """Phase (state, y, x): blobs of 0.8 rad, a background of 0.1 rad with a slope in rad/Å, white noise."""
    y, x = (o + SAMPLING * np.arange(n) for o, n in zip(ORIGIN, SHAPE, strict=True))
    rows = np.exp(-((y - positions[..., 0, None]) ** 2) / (2 * width**2))
    cols = np.exp(-((x - positions[..., 1, None]) ** 2) / (2 * width**2))
    phases = 0.8 * np.einsum("sny,snx->syx", rows, cols) + 0.1 + slope * (y[:, None] + x)
    return phases + noise * np.random.default_rng(seed).standard_normal(phases.shape)


def result(phases: Floats) -> Result:
    """Wrap projected phases (state, y, x) as a result of two slices."""
    slices = np.stack([phases / 2, phases / 2], axis=1).astype(np.float32)
    geometry = Geometry(64, SAMPLING, SHAPE, ORIGIN, 1.92)
    probe = np.ones((1, 64, 64), dtype=np.complex64)
    estimate = Estimate(slices, probe, geometry.to_pixels(scan()))
    history = History(
        loss=(0.5, 0.1, 0.06, 0.05),
        seconds=(1.0,) * 4,
        evaluations=(1.0,) * 4,
        separation=(0.0, 0.0, 0.1, 0.2),
        stage=(0, 0, 1, 1),
    )
    return Result(Recipe(), estimate, geometry, history, "specimen", "0" * 16, (21, 21))


def truth(positions: Floats) -> Truth:
    """Describe columns (snapshot, column, 2) as the truth: one atom per column."""
    depth = np.zeros((*positions.shape[:2], 1))
    inside = np.ones(positions.shape[1], dtype=bool)
    return Truth(positions.mean(axis=0), positions, inside, np.concatenate([positions, depth], axis=-1))


def rms(values: Floats) -> float:
    return float(np.sqrt((np.asarray(values) ** 2).mean()))
