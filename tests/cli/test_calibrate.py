from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from napari_mixedptycho.checks.verdicts import verdicts
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.io import sample_path
from napari_mixedptycho.recipe import Recipe

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def corner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a part of the sample with a hot pixel and without some numbers."""
    path = tmp_path_factory.mktemp("data") / "scan.h5"
    with h5py.File(sample_path("si_sigma9")) as sample, h5py.File(path, "w") as file:
        patterns = sample["data"][:18, :18]
        patterns[..., 3, 50] += patterns.max()
        file["data"] = patterns
        left_out = ("semiangle_mrad", "dk", "scan_step_A")
        file.attrs.update({k: v for k, v in sample.attrs.items() if k not in left_out})
    return path


def test_numbers_pictures_and_recipe(run: Run, corner: Path, tmp_path: Path) -> None:
    wished = (
        "--semiangle",
        30,
        "--scan-step",
        0.4,
        "--out",
        tmp_path / "seen",
        "--write",
        tmp_path / "r.toml",
    )
    ran = run("calibrate", corner, *wished, "--json")
    assert (ran.code, ran.err) == (0, "")
    facts = json.loads(ran.out)
    assert facts["disk_center_px"] == pytest.approx([32, 32], abs=0.05)
    # The sample's aperture has a soft edge, half of its amplitude where a quarter of the intensity is.
    assert facts["dk"] == pytest.approx(1 / 18, rel=0.025)
    assert facts["rotation_deg"] == pytest.approx(0, abs=1.5)
    assert (facts["transpose"], facts["flip_y"], facts["flip_x"]) == (False, False, False)
    assert facts["defocus_A"] == pytest.approx(50, abs=8)
    assert facts["dose_e_per_A2"] > 9e5
    assert facts["hot_pixels"] == [[3, 50]]
    for name in ("disk_radius_px", "dk", "rotation_deg", "defocus_A", "dose_e_per_A2"):
        assert facts[f"{name}_error"] > 0
    assert isinstance(facts["verdicts"], list)
    names = ("overview", "disk", "descan", "rotation", "centre_of_mass", "bright_field")
    assert {path.name for path in (tmp_path / "seen").iterdir()} == {f"{name}.png" for name in names}
    assert facts["not_measured"] == {}
    written = Recipe.read(tmp_path / "r.toml")
    assert written.microscope.detector_sampling == pytest.approx(facts["dk"])
    assert written.microscope.scan_rotation == pytest.approx(facts["rotation_deg"])
    assert written.microscope.defocus == pytest.approx(facts["defocus_A"])
    assert written.data.mask is not None
    assert np.argwhere(~np.load(written.data.mask)).tolist() == [[3, 50]]


def test_of_a_detector_that_is_not_square_the_middle_is_measured(
    run: Run, corner: Path, tmp_path: Path
) -> None:
    with h5py.File(corner) as file, h5py.File(tmp_path / "wide.h5", "w") as wide:
        wide["data"] = np.pad(file["data"][...], [(0, 0), (0, 0), (0, 0), (5, 5)])
        wide.attrs.update(file.attrs)
    known = ("--semiangle", 30, "--scan-step", 0.4, "--json")
    files = (corner, tmp_path / "wide.h5")
    found = [json.loads(run("calibrate", path, *known).out) for path in files]
    assert found[0] == found[1]


def test_what_is_missing_is_asked_for(run: Run, corner: Path) -> None:
    assert "--semiangle" in run("calibrate", corner).refused()


def test_all_that_is_missing_is_asked_for_at_once(run: Run, tmp_path: Path) -> None:
    np.save(tmp_path / "bare.npy", np.ones((8, 8, 16, 16), dtype=np.float32))
    said = run("calibrate", tmp_path / "bare.npy").refused()
    assert "give --energy (eV), --semiangle (mrad), --scan-step (Å)" in said


@pytest.mark.parametrize(
    ("option", "value", "remedy"),
    [("--energy", "60", "60 keV is 60000"), ("--semiangle", "0.03", "0.03 rad is 30")],
)
def test_keV_and_rad_are_refused(  # noqa: N802
    run: Run, corner: Path, tmp_path: Path, option: str, value: str, remedy: str
) -> None:
    known = ["--scan-step", "0.4", "--semiangle", "30"]
    assert remedy in run("calibrate", corner, *known, option, value).refused()
    assert remedy in run("convert", corner, tmp_path / "out.h5", option, value).refused()


def test_few_scan_points_and_a_wrong_sampling_are_told(run: Run, tmp_path: Path) -> None:
    with h5py.File(sample_path("si_sigma9")) as sample, h5py.File(tmp_path / "few.h5", "w") as file:
        file["data"] = sample["data"][:4, :4]
        file.attrs.update({**dict(sample.attrs), "dk": 0.07})
    shown = run("calibrate", tmp_path / "few.h5")
    assert shown.code == 0
    assert "Too few scan points" in shown.out
    for label in ("scan rotation", "detector", "defocus", "astigmatism", "descan"):
        (line,) = [line for line in shown.out.splitlines() if line.startswith(label)]
        assert "not measured: 4 × 4 scan points; at least 8 along each axis" in line
    assert "± 0 " not in shown.out
    facts = json.loads(run("calibrate", tmp_path / "few.h5", "--json").out)
    wanted = ("rotation_deg", "defocus_A", "astigmatism_A", "descan_px_per_point", "rotation_from_curl_deg")
    for name in wanted:
        assert (facts[name], facts[f"{name}_error"]) == (None, None)
        assert "scan points" in facts["not_measured"][name]
    assert "The file states 0.07 1/Å per pixel" in shown.out
    assert "disk centre" in shown.out


def data(**changes: Any) -> Dataset:
    numbers = {
        "energy": 80e3,
        "semiangle": 25.0,
        "scan_step": 0.4,
        "detector_sampling": 1 / 16,
        "defocus": 0.0,
    }
    patterns = np.full((4, 4, 32, 32), 100, np.float32)
    return Dataset(patterns, **{**numbers, "electrons_per_unit": 1.0, **changes})


@pytest.mark.parametrize(
    ("changes", "begins"),
    [
        ({"scan_step": 5.0}, "No overlap: the scan step is 5 Å"),
        ({"scan_step": 1.8}, "Step larger than the probe: 1.8 Å"),
        ({"scan_step": 0.9}, "Little overlap"),
        ({"defocus": 600.0}, "Window smaller than the probe"),
        ({"electrons_per_unit": 1e-3}, "Dose too low"),
        ({"electrons_per_unit": 0.1}, "Dose too low for states: 6.4e+04"),
        ({"electrons_per_unit": None}, "The dose is not known"),
        ({"semiangle": 50.0}, "Detector too small: it ends at"),
        ({"semiangle": 38.0}, "Detector small"),
    ],
)
def test_what_cannot_work_is_said_with_its_number(changes: dict[str, Any], begins: str) -> None:
    assert any(text.startswith(begins) for text in verdicts(data(**changes)))
    assert verdicts(data()) == []


def test_a_resolution_beyond_the_detector() -> None:
    assert verdicts(data(), resolution=0.2)[0].startswith("Detector too small: 41.8 mrad")


def test_pixels_that_a_recipe_leaves_out_have_no_say(run: Run, corner: Path, tmp_path: Path) -> None:
    """Named on the command line, in a recipe, in a file beside it, or in the data file itself."""
    glow = tmp_path / "glow.h5"
    with h5py.File(corner) as file, h5py.File(glow, "w") as spoilt:
        patterns = file["data"][:8, :8]
        level = 3 * patterns.mean(axis=(0, 1)).max()
        patterns[..., 28:31, :] = np.random.default_rng(0).poisson(level, (8, 8, 3, 64))
        spoilt["data"] = patterns
        spoilt.attrs.update(file.attrs)
    known = ("--semiangle", 30, "--scan-step", 0.4, "--json")
    assert "bright-field disk" in run("calibrate", glow, *known).refused(), "nothing was spoilt"
    rows = ("--masked-pixels", "28-30: 0-63")
    named = json.loads(run("calibrate", glow, *known, *rows, "--write", tmp_path / "r.toml").out)
    assert named["disk_radius_px"] == pytest.approx(10.9, abs=0.1)
    assert named["disk_center_px"] == pytest.approx([32, 32], abs=0.1)
    assert named["masked_pixels"] == 3 * 64
    assert named["hot_pixels"] == [[3, 50]]
    written = Recipe.read(tmp_path / "r.toml")
    assert written.data.masked_pixels == "28-30: 0-63"
    mask = np.load(written.data.mask)
    assert not mask[3, 50]
    assert not mask[28:31].any()

    recipe = run("calibrate", tmp_path / "r.toml", "--json", "--write", tmp_path / "again.toml")
    again = json.loads(recipe.out)
    assert again["masked_pixels"] == 3 * 64 + 1, "also the hot one, which its mask leaves out"
    assert again["hot_pixels"] == []
    assert again["disk_radius_px"] == pytest.approx(named["disk_radius_px"], abs=0.01)
    assert Recipe.read(tmp_path / "again.toml").data == written.data
    assert "192 masked" in run("calibrate", glow, *known[:-1], *rows).out

    good = np.ones((64, 64), bool)
    good[28:31] = False
    np.save(tmp_path / "mask.npy", good)
    of_file = json.loads(run("calibrate", glow, *known, "--mask", tmp_path / "mask.npy").out)
    assert of_file == named
    assert "names pixel 64" in run("calibrate", glow, *known, "--masked-pixels", "64: 0").refused()
    assert run("convert", glow, tmp_path / "own.h5", *rows).code == 0
    own = json.loads(run("calibrate", tmp_path / "own.h5", *known).out)
    assert own == named, "the mask of the file itself"
