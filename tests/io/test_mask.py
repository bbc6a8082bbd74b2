"""Masks of detector pixels, from files, into the weight of the loss."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io import load_mask
from napari_mixedptycho.prepare import prepare
from napari_mixedptycho.recipe import Recipe
from tests.physics.toys import dataset, recipe


def hole() -> np.ndarray:
    mask = np.ones((16, 16), np.uint8)
    mask[3, 5] = mask[8, 9] = 0
    return mask


def written(folder: Path) -> list[str]:
    np.save(folder / "mask.npy", hole())
    with h5py.File(folder / "masks.h5", "w") as file:
        file["detector/good"] = hole().astype(float)
    return [str(folder / "mask.npy"), f"{folder / 'masks.h5'}:detector/good"]


def test_both_kinds_of_file_are_read(tmp_path: Path) -> None:
    for file in written(tmp_path):
        mask = load_mask(file)
        assert mask.dtype == bool
        np.testing.assert_array_equal(mask, hole() > 0)


def test_masked_pixels_weigh_nothing(tmp_path: Path) -> None:
    data = dataset(size=16)
    data = data.replace(patterns=data.patterns + 1e-5)
    for file in written(tmp_path):
        weight = prepare(recipe(data={"mask": file}), data).problem.weight
        np.testing.assert_array_equal(np.fft.fftshift(weight), hole())


def test_a_mask_starts_at_the_folder_of_its_recipe(tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / "recipe.toml").write_text('[data]\nmask = "mask.npy"\n')
    assert Recipe.read(tmp_path / "recipe.toml").data.mask == str((tmp_path / "mask.npy").resolve())


def test_what_is_no_mask_is_refused_in_one_sentence(tmp_path: Path) -> None:
    np.save(tmp_path / "line.npy", np.ones(4))
    (tmp_path / "text.npy").write_text("mask")
    written(tmp_path)
    for file in ("missing.npy", "line.npy", "text.npy", "masks.h5:other", "masks.h5", "masks.h5:detector"):
        with pytest.raises(InputError) as caught:
            load_mask(str(tmp_path / file))
        assert file in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="mask has shape"):
        prepare(recipe(data={"mask": str(tmp_path / "mask.npy")}), dataset(size=24))
