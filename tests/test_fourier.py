"""Who transforms on the CPU: all give the same, each thread plans for itself, and the choice is measured."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from napari_mixedptycho import _fourier
from napari_mixedptycho._array import transform
from napari_mixedptycho._fourier import Fftw, fourier, installed, name
from napari_mixedptycho.engine.forward import Objective, predict
from napari_mixedptycho.engine.losses import PoissonLoss
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.prepare import for_stage, open_dataset, prepare
from napari_mixedptycho.recipe import Recipe
from tests.small import small, steps

needs_fftw = pytest.mark.skipif("fftw" not in installed(), reason="pyFFTW is not there (extra fft)")
RANDOM = np.random.default_rng(4)


def stack(*shape: int, dtype: str = "c8") -> np.ndarray:
    return (RANDOM.normal(size=shape) + 1j * RANDOM.normal(size=shape)).astype(dtype)


def shifted(waves: np.ndarray, by: int) -> np.ndarray:
    """Return the same at another alignment."""
    raw = np.empty(waves.nbytes + 64, np.uint8)
    first = -raw.ctypes.data % 64 + by
    found = raw[first : first + waves.nbytes].view(waves.dtype).reshape(waves.shape)
    found[...] = waves
    return found


def evaluated(recipe: Recipe) -> tuple[Any, float, Any]:
    """Return the predicted patterns, the loss and its gradient where a run would start."""
    prepared = prepare(recipe, open_dataset(recipe))
    problem, estimate = prepared.problem, for_stage(prepared, None, recipe.stages[-1])
    loss, gradient = Objective.of(problem, PoissonLoss()).value_and_gradient(estimate, ("object", "probe"))
    return predict(problem, estimate, problem.fitted), loss, gradient


@needs_fftw
@pytest.mark.parametrize("dtype", ["c8", "c16"])
@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize("shape", [(9, 9), (3, 8, 8), (2, 3, 10, 10), (1, 2, 2, 17, 17)])
def test_fftw_gives_what_scipy_gives(shape: tuple[int, ...], inverse: bool, dtype: str) -> None:
    waves, other = stack(*shape, dtype=dtype), Fftw()
    expected = transform(waves.copy(), inverse)
    for place in (shifted(waves, 0), shifted(waves, 16), shifted(waves, 8)):  # the last goes to SciPy
        found = other(place, inverse)
        assert (found.dtype, found.shape) == (waves.dtype, waves.shape)
        np.testing.assert_allclose(found, expected, atol=1e-6 * np.abs(expected).max())


@needs_fftw
def test_it_works_in_place_and_leaves_what_is_not_contiguous_to_scipy() -> None:
    waves, other = shifted(stack(2, 8, 8), 16), Fftw()
    assert np.shares_memory(other(waves, False), waves)
    every = stack(4, 8, 8)
    np.testing.assert_allclose(other(every[::2].copy(), True), other(every[::2], True), rtol=1e-5, atol=1e-4)


@needs_fftw
def test_threads_do_not_share_a_plan() -> None:
    waves, other = [stack(4, 32, 32) for _ in range(40)], Fftw()
    expected = [transform(part.copy()) for part in waves]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda part: other(part.copy(), False), waves))
    for one, two in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5 * np.abs(two).max())


@needs_fftw
def test_plans_do_not_pile_up() -> None:
    other = Fftw()
    for count in range(1, 3 * _fourier._PLANS, 2):
        other(stack(count, 2, 2), False)
    assert len(other._own.plans) <= _fourier._PLANS


@needs_fftw
def test_a_run_finds_the_same_with_either() -> None:
    recipes = [small(f"run.fft={wish}", "run.threads=2") for wish in ("scipy", "fftw")]
    found = [evaluated(recipe) for recipe in recipes]
    (patterns, loss, gradient), (others, other_loss, other_gradient) = found
    np.testing.assert_allclose(others, patterns, atol=1e-6 * patterns.max())
    assert other_loss == pytest.approx(loss, rel=1e-6)
    for block, part in gradient.items():  # a small difference of large numbers
        assert np.linalg.norm(other_gradient[block] - part) < 1e-2 * np.linalg.norm(part)
    losses = [[progress.loss for progress in steps(recipe)] for recipe in recipes]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-3)  # a line search makes more of rounding


@pytest.mark.parametrize(("times", "chosen"), [((1.0, 2.0), "fftw"), ((1.0, 1.05), "scipy")])
def test_the_faster_one_is_chosen_if_it_is_worth_it(
    times: tuple[float, float], chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def seconds(work: Any, size: int) -> float:
        assert size == 96
        return times[0] if name(work) == "fftw" else times[1]

    monkeypatch.setattr(_fourier, "installed", lambda: ("scipy", "fftw"))
    monkeypatch.setattr(_fourier, "seconds", seconds)
    assert name(fourier("auto", 96)) == chosen
    assert name(fourier("scipy", 96)) == "scipy"


def test_what_is_not_installed_is_not_chosen_and_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_fourier, "installed", lambda: ("scipy",))
    assert name(fourier("auto", 96)) == "scipy"
    with pytest.raises(InputError, match=r"napari-mixedptycho\[fft\]"):
        fourier("fftw", 96)


def test_the_time_of_a_transform_is_that_of_one_image() -> None:
    seen: list[tuple[int, ...]] = []
    assert _fourier.seconds(lambda waves, inverse: seen.append(waves.shape) or waves, 8) >= 0
    assert set(seen) == {(_fourier._IMAGES, 8, 8)}
