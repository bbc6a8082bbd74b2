"""The seam: patches are taken and added as adjoints; transforms; a missing GPU in one sentence."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from napari_mixedptycho._array import add_patches, asnumpy, namespace, select, take_patches, transform
from napari_mixedptycho.errors import InputError
from tests.physics.toys import inner, random_like

RANDOM = np.random.default_rng(1)


def stack(*shape: int) -> np.ndarray:
    return random_like(np.zeros(shape, complex), RANDOM)


@pytest.mark.parametrize("count", [1, 2, 6])
@pytest.mark.parametrize("size", [4, 5])
def test_adding_patches_is_the_adjoint_of_taking_them(count: int, size: int) -> None:
    image = stack(3, 11, 13)
    corners = RANDOM.integers(0, (12 - size, 14 - size), (count, 2))
    patches = take_patches(image, corners, size)
    assert patches.shape == (count, 3, size, size)
    other, back = stack(*patches.shape), np.zeros_like(image)
    add_patches(back, corners, other)
    assert inner(other, patches) == pytest.approx(inner(back, image), rel=1e-13)


def test_a_patch_is_cut_where_its_corner_says() -> None:
    image = np.arange(2 * 7 * 9.0).reshape(2, 7, 9)
    corners = np.array([[1, 3], [0, 5]])
    for patch, (y, x) in zip(take_patches(image, corners, 4), corners, strict=True):
        np.testing.assert_array_equal(patch, image[:, y : y + 4, x : x + 4])


def test_overlapping_patches_add_up() -> None:
    image = np.zeros((1, 5, 5))
    add_patches(image, np.array([[1, 1], [1, 1], [2, 2]]), np.ones((3, 1, 2, 2)))
    assert image[0, 2, 2] == 3
    assert image.sum() == 12


@pytest.mark.parametrize("shape", [(8, 8), (2, 9, 9), (2, 3, 6, 8)])
def test_transforms_there_and_back_are_adjoint_and_not_scaled(shape: tuple[int, ...]) -> None:
    waves, pixels = stack(*shape), shape[-1] * shape[-2]
    far = transform(waves.copy())
    np.testing.assert_allclose(far, np.fft.fft2(waves), atol=1e-12)
    np.testing.assert_allclose(transform(far.copy(), inverse=True), pixels * waves, atol=1e-11)
    other = stack(*shape)
    assert inner(other, far) == pytest.approx(inner(transform(other.copy(), True), waves), rel=1e-12)


def test_transforms_keep_the_precision() -> None:
    assert transform(stack(4, 4).astype(np.complex64)).dtype == np.complex64
    assert transform(stack(4, 4)).dtype == np.complex128


def test_the_backend_follows_the_array() -> None:
    assert namespace(np.zeros(1)) is np
    array = np.zeros(3)
    assert asnumpy(array) is array
    assert select("cpu") is np


def test_a_missing_gpu_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)  # what Python itself does for a module that cannot be had
    with pytest.raises(InputError, match="GPU") as caught:
        select("gpu")
    text = str(caught.value)
    assert "\n" not in text
    assert "gpu-cuda12" in text and "cpu" in text
    assert select("auto") is np
