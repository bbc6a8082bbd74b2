"""From a scan with everything askew to a reconstruction as good as that of a straight one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_mixedptycho.orientation import Orientation
from napari_mixedptycho.prepare import first_estimate, open_dataset, prepare
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import reconstruct
from tests.calibration.scans import DEFOCUS, DK, ROTATION, SLOPE, TURNED, scan, stored

Run = Callable[..., Any]
ASTIGMATISM = (20.0, -15.0)
SHORT = (
    "data.scan_region=[5,17,5,17]",
    "model.thickness=1.0",
    "model.slices=1",
    "model.states=1",
    "model.padding=1.0",
    "run.threads=1",
    'stages=[{name="short",iterations=10,states=1}]',
)


@pytest.fixture(scope="module")
def askew(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("askew") / "askew.h5"
    return stored(path, scan(TURNED, ROTATION, SLOPE, ASTIGMATISM))


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    patterns = scan(Orientation(), 0.0, np.zeros((2, 2)), ASTIGMATISM, hot=False)
    known = {"dk": DK, "defocus_A": DEFOCUS}
    return stored(tmp_path_factory.mktemp("straight") / "straight.h5", patterns, **known)


def loss(recipe: Recipe) -> float:
    for change in SHORT:
        recipe = recipe.with_set(change)
    return list(reconstruct(recipe))[-1].loss


def test_the_recipe_that_calibrate_writes_reconstructs_as_well_as_a_straight_scan(
    run: Run, askew: Path, straight: Path, tmp_path: Path
) -> None:
    ran = run("calibrate", askew, "--json", "--write", tmp_path / "r.toml", "--thumbnails", tmp_path)
    assert ran.code == 0, ran.err
    facts = json.loads(ran.out)
    assert facts["astigmatism_A"] == pytest.approx(ASTIGMATISM, abs=4)
    assert facts["hot_pixels"] == [[5, 7]]
    assert facts["thumbnails"]["agrees"]
    assert facts["thumbnails"]["winner"] == {"transpose": True, "flip_y": True, "flip_x": False}
    assert len(facts["thumbnails"]["ordered"]) == 8
    assert "8 of 8" in ran.err
    assert (tmp_path / "thumbnails.png").stat().st_size > 20_000

    recipe = Recipe.read(tmp_path / "r.toml")
    microscope = recipe.microscope
    assert (microscope.astigmatism_a, microscope.astigmatism_b) == pytest.approx(facts["astigmatism_A"])
    assert recipe.data.descan == pytest.approx(SLOPE.ravel(), abs=0.01)
    assert (recipe.data.transpose, recipe.data.flip_y, recipe.data.flip_x) == (True, True, False)
    assert recipe.data.center is None or recipe.data.center == pytest.approx((16, 16), abs=0.1)

    known = Recipe().with_set(f'data.file="{straight}"')
    for axis, value in zip("ab", ASTIGMATISM, strict=True):
        known = known.with_set(f"microscope.astigmatism_{axis}={value}")
    best, found = loss(known), loss(recipe)
    assert found < 1.1 * best
    # ... and each part of it counts.
    for change in (
        "microscope.scan_rotation=0.0",
        "data.transpose=false",
        "data.flip_y=false",
        "data.descan=none",
        "microscope.defocus=0.0",
    ):
        assert loss(recipe.with_set(change)) > 1.05 * found, change


def test_the_first_probe_has_the_measured_astigmatism(straight: Path) -> None:
    """The patterns of a first guess without an object are nearer to those measured with it."""
    recipe = Recipe().with_set(f'data.file="{straight}"')
    for change in SHORT:
        recipe = recipe.with_set(change)
    round_, right = recipe, recipe
    for axis, value in zip("ab", ASTIGMATISM, strict=True):
        right = right.with_set(f"microscope.astigmatism_{axis}={value}")
    probes = []
    for wish in (round_, right):
        prepared = prepare(wish, open_dataset(wish))
        assert prepared.recipe.microscope.astigmatism_a == wish.microscope.astigmatism_a
        probes.append(first_estimate(prepared, 1).probe[0])
    assert abs(np.vdot(*probes)) < 0.99 * np.linalg.norm(probes[0]) * np.linalg.norm(probes[1])
    for kind in ("aberrations", "mean_pattern"):
        start = f"guess.probe.kind={kind}"
        assert loss(right.with_set(start)) <= loss(round_.with_set(start)) * 1.001


def test_what_the_file_states_is_compared(run: Run, askew: Path, tmp_path: Path) -> None:
    wrong = stored(tmp_path / "wrong.h5", scan(TURNED, ROTATION, SLOPE), dk=DK * 1.05, defocus_A=DEFOCUS + 20)
    told = json.loads(run("calibrate", wrong, "--json").out)["verdicts"]
    assert any("1/Å per pixel, but the disk says" in text and "-4." in text for text in told)
    (focus,) = [text for text in told if "defocus" in text]
    assert focus.startswith("The file states a defocus of 90 Å; measured is")
    assert "(-2" in focus
    close = stored(tmp_path / "close.h5", scan(TURNED, ROTATION, SLOPE), dk=DK, defocus_A=DEFOCUS + 2)
    told = json.loads(run("calibrate", close, "--json").out)["verdicts"]
    assert not any("file states" in text for text in told)
