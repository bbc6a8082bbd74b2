"""Pixels that are masked by hand: listed in the recipe, drawn on changed patterns, without a say in a run."""

from __future__ import annotations

import numpy as np
import pytest

from napari_mixedptycho.data_settings import names_of_pixels, pixels_named
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io import load
from napari_mixedptycho.orientation import Orientation
from napari_mixedptycho.preprocess import arranged, stored_pixels
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import reconstruct
from tests.preprocess.test_arrange import both, counted, said, wish


def test_a_list_of_pixels_and_back() -> None:
    rng = np.random.default_rng(0)
    for share in (0.0, 0.02, 0.3, 1.0):
        pixels = rng.random((24, 24)) < share
        text = names_of_pixels(pixels)
        assert (text is None) == (not pixels.any())
        np.testing.assert_array_equal(pixels_named(text, 24), pixels)
    stop = np.zeros((64, 64), bool)
    stop[30:34, :20] = True
    stop[12] = True
    assert names_of_pixels(stop) == "12: 0-63; 30-33: 0-19", "short enough to be read"


@pytest.mark.parametrize("text", ["12", "12:", ": 3", "a: 1", "1: 2: 3", "1: 2;", "1-: 2", ""])
def test_a_list_of_pixels_that_cannot_be_read(text: str) -> None:
    with pytest.raises(InputError, match="masked_pixels"):
        wish(masked_pixels=text)


def test_pixels_beyond_the_detector_are_refused() -> None:
    with pytest.raises(InputError, match="names pixel 24"):
        arranged(counted(), wish(masked_pixels="3: 2-24"))


def test_masked_pixels_are_left_out_beside_those_of_the_file() -> None:
    own = np.ones((24, 24), bool)
    own[0] = False
    found = both(counted(mask=own), wish(masked_pixels="5: 3-4"))
    expected = own.copy()
    expected[5, 3:5] = False
    assert found.mask is not None
    np.testing.assert_array_equal(found.mask, expected)
    assert said(found, "2 of 576 pixels", "by hand")


@pytest.mark.parametrize("crop", [None, 40, 37])
@pytest.mark.parametrize("factor", [1, 2, 3])
@pytest.mark.parametrize("size", [48, 49])
def test_what_is_drawn_on_the_screen_is_masked_in_the_file(crop: int | None, factor: int, size: int) -> None:
    way, center = Orientation(transpose=True, flip_y=True), (size // 2 + 2.0, size // 2 - 1.0)
    settings = wish(detector_crop=crop, detector_bin=factor)
    shown = arranged(counted(size), settings, way, center)
    drawn = np.zeros((shown.detector_size,) * 2, bool)
    drawn[4, 2:5] = drawn[6, 3] = True
    assert shown.mask is not None
    drawn &= shown.mask
    assert drawn.any()
    stored = stored_pixels(drawn, size, settings, way, center)
    assert stored.sum() == drawn.sum() * factor**2
    masked = settings.model_copy(update={"masked_pixels": names_of_pixels(stored)})
    again = arranged(counted(size), masked, way, center)
    assert again.mask is not None
    np.testing.assert_array_equal(again.mask, shown.mask & ~drawn)


def test_masked_pixels_do_not_influence_the_reconstruction() -> None:
    sample = load("sample:si_sigma9")
    recipe = Recipe.parse(
        {
            "data": {"scan_region": [0, 5, 0, 5], "masked_pixels": "28-35: 0-25; 40: 0-63"},
            "model": {"states": 2, "slices": 1, "thickness": 8.0},
            "stages": [{"name": "short", "iterations": 2}],
            "run": {"threads": 1, "checkpoint": None},
        }
    )
    recipe = Recipe.from_toml(recipe.to_toml(comments=True), "saved")
    clean = np.array(sample.values)
    spoiled = clean.copy()
    spoiled[..., pixels_named(recipe.data.masked_pixels, 64)] = 1e4

    def phase(patterns: np.ndarray, settings: Recipe) -> np.ndarray:
        *_, last = reconstruct(settings, sample.replace(patterns=patterns))
        return np.asarray(last.result.estimate.object)

    np.testing.assert_array_equal(phase(spoiled, recipe), phase(clean, recipe))
    believed = Recipe.parse({**recipe.model_dump(mode="json"), "data": {"scan_region": [0, 5, 0, 5]}})
    assert np.abs(phase(spoiled, believed) - phase(clean, believed)).max() > 0.01
