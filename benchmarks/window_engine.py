"""The engine of `window.py`: notes when a run does its iterations; stands in for large ones.

Run as the process of a run in place of ``napari_mixedptycho.running``, or in a thread of the window.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import scipy.fft

from napari_mixedptycho import reconstruct as engine
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import Progress
from napari_mixedptycho.running import server, work

LARGE = (10, 1, 1024, 1024)
TRANSFORMS = 8
"""Of the large object's planes in one of its iterations."""
TIMES = "MIXEDPTYCHO_TIMES"
"""Environment variable: the file for the clock at the first and at the last iteration."""


def reconstruct(wish: Recipe, *arguments: object) -> Iterator[Progress]:
    """Reconstruct, or stand in where the recipe is of more states than are computed; note the time."""
    steps = large if wish.model.states == LARGE[0] else engine.reconstruct
    times = []
    try:
        for progress in steps(wish, *arguments):
            times.append(time.monotonic())
            yield progress
    finally:
        Path(os.environ[TIMES]).write_text(f"{times[0]} {times[-1]}", encoding="ascii")


def large(wish: Recipe, *arguments: object) -> Iterator[Progress]:
    """Stand in for the engine: transforms, and a new object of the large size at each iteration."""
    steps = engine.reconstruct(wish.with_set("model.states=1"), *arguments)
    first = next(steps)
    steps.close()
    planes = np.random.default_rng(0).normal(size=LARGE).astype(np.float32)
    block = planes[0, 0].astype(np.complex64)
    for count in range(1, wish.iterations + 1):
        begin = time.perf_counter()
        for _ in range(TRANSFORMS):
            block = scipy.fft.ifft2(scipy.fft.fft2(block, workers=1), workers=1)
        result = first.result
        history = result.history
        for _ in range(count - 1):
            history = replace(
                history, **{name: (*values, values[-1]) for name, values in vars(history).items()}
            )
        seconds = (*history.seconds[:-1], time.perf_counter() - begin)
        estimate = result.estimate.with_blocks({"object": planes + np.float32(count)})
        result = result.replace(estimate=estimate, history=replace(history, seconds=seconds))
        yield replace(first, iteration=count, iterations=wish.iterations, result=result)


def patch() -> None:
    """Have runs of this process computed by this engine."""
    work.reconstruct = reconstruct


if __name__ == "__main__":
    patch()
    server.main()
