"""What other programs read of an exported result: shapes, axes, units, pixel sizes, numbers."""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path

import h5py
import numpy as np
import pytest

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.export import FORMATS, Findings, export, export_emd, export_npz, export_tiff
from napari_mixedptycho.export.files import fields
from napari_mixedptycho.io import Axis, Field, write_emd_fields, write_tiff
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.result import Result
from tests.analysis import specimen as s


@pytest.fixture(scope="module")
def result() -> Result:
    return s.result(s.drawn(s.moving(6), noise=0.02))


@pytest.fixture(scope="module")
def found(result: Result) -> Findings:
    still = s.result(s.drawn(s.moving(6, sd=0.004, seed=3), noise=0.02, seed=5))
    return Findings.of(result, still, s.truth(s.moving(6)))


def read(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_no_name_begins_another_one(result: Result) -> None:
    """RosettaSciIO stacks groups whose paths hold each other's names."""
    complex_one = result.replace(
        estimate=type(result.estimate)(
            np.exp(1j * result.estimate.object), result.estimate.probe, result.estimate.positions
        )
    )
    names = [field.name for field in fields(complex_one)]
    assert "modulus_of_slices" in names
    assert not [(a, b) for a in names for b in names if a != b and a in b]


@pytest.mark.filterwarnings("ignore")  # its own affair
@pytest.mark.skipif(importlib.util.find_spec("rsciio") is None, reason="needs RosettaSciIO")
def test_rosettasciio_reads_arrays_and_axes(result: Result, tmp_path: Path) -> None:
    from rsciio.emd import file_reader

    signals = file_reader(str(export_emd(result, tmp_path / "a.emd")))
    there = {signal["metadata"]["General"]["title"]: signal for signal in signals}
    assert set(there) == {field.name for field in fields(result)}
    states = there["state_phases"]
    np.testing.assert_array_equal(states["data"], result.projected_phase())
    state, y, x = states["axes"]
    assert [axis["name"] for axis in states["axes"]] == ["state", "y", "x"]
    assert [axis["size"] for axis in states["axes"]] == [6, *s.SHAPE]
    assert (y["units"], x["units"]) == ("Å", "Å")
    assert state["scale"] == 1
    for axis, start in ((y, s.ORIGIN[0]), (x, s.ORIGIN[1])):
        assert axis["scale"] == pytest.approx(s.SAMPLING)
        assert axis["offset"] == pytest.approx(start)
    depth = there["phase_of_slices"]["axes"][1]
    assert (depth["name"], depth["units"]) == ("z", "Å")
    assert depth["scale"] == pytest.approx(1.92)
    assert depth["offset"] == pytest.approx(0.96)
    probe = there["probe_amplitude"]
    assert probe["data"].shape == (1, 64, 64)
    assert probe["axes"][2]["offset"] == pytest.approx(-32 * s.SAMPLING)


def test_every_group_of_the_emd_says_what_it_is(result: Result, tmp_path: Path) -> None:
    """As emdfile and py4DSTEM ask for: types of groups, units of data, names of axes, types of metadata."""
    with h5py.File(export_emd(result, tmp_path / "a.emd")) as file:
        assert (file.attrs["version_major"], file.attrs["version_minor"]) == (1, 0)
        root = file["result_root"]
        assert root.attrs["emd_group_type"] == "root"
        for name, group in root.items():
            if name == "metadatabundle":
                continue
            assert (group.attrs["emd_group_type"], group.attrs["python_class"]) == ("array", "Array")
            assert "units" in group["data"].attrs
            for axis in range(group["data"].ndim):
                assert {"name", "units"} <= set(group[f"dim{axis}"].attrs)
        facts = root["metadatabundle/result"]
        assert {facts[name].attrs["type"] for name in facts} <= {"string", "number"}
        assert Recipe.from_toml(facts["recipe"].asstr()[()], "here") == result.recipe
        assert facts["hash_of_data"].asstr()[()] == result.data_hash


def test_imagej_finds_pixel_size_states_and_slices(result: Result, tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile")
    files = {path.name: path for path in export_tiff(result, tmp_path)}
    assert set(files) == {"mean_phase.tif", "state_phases.tif", "phase_of_slices.tif", "spread_of_states.tif"}
    for name, axes, shape in (
        ("mean_phase.tif", "YX", s.SHAPE),
        ("state_phases.tif", "TYX", (6, *s.SHAPE)),
        ("phase_of_slices.tif", "TZYX", (6, 2, *s.SHAPE)),
    ):
        with tifffile.TiffFile(files[name]) as file:
            series = file.series[0]
            assert (series.axes, series.shape, series.dtype) == (axes, shape, np.dtype("float32"))
            assert file.is_imagej
            assert file.imagej_metadata["unit"] == "nm"
            across, pixels = file.pages[0].tags["XResolution"].value
            assert pixels / across == pytest.approx(0.1 * s.SAMPLING, rel=1e-6)  # nm per pixel
            assert file.pages[0].tags["YResolution"].value == (across, pixels)
            if axes == "TZYX":
                assert file.imagej_metadata["spacing"] == pytest.approx(0.192)
                assert file.imagej_metadata["Labels"][3] == "state 1, slice 1"
    np.testing.assert_array_equal(tifffile.imread(files["state_phases.tif"]), result.projected_phase())


def test_pixels_need_not_be_square(tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile")
    field = Field("a", np.zeros((4, 6)), "rad", (Axis("y", "Å", 0.5), Axis("x", "Å", 0.25)))
    write_tiff(tmp_path / "a.tif", field)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        sizes = [file.pages[0].tags[f"{axis}Resolution"].value for axis in "XY"]
    assert [pixels / across for across, pixels in sizes] == pytest.approx([0.025, 0.05])


def test_tables_hold_the_numbers_with_their_units(found: Findings, tmp_path: Path) -> None:
    files = {path.name for path in export(found, tmp_path, ["csv"])}
    assert files == {"columns.csv", "positions.csv", "summary.csv"}
    header, *rows = read(tmp_path / "positions.csv")
    assert header == ["id", "state", "y (angstrom)", "x (angstrom)"]
    assert len(rows) == found.motion.n_columns * 6
    column, state, y, x = rows[3 * 6 + 4]
    assert (column, state) == ("3", "4")
    np.testing.assert_allclose([float(y), float(x)], found.motion.positions[4, 3], rtol=1e-5)
    assert "floor (angstrom)" in read(tmp_path / "columns.csv")[0]
    told = {name: (value, unit) for name, value, unit in read(tmp_path / "summary.csv")[1:]}
    assert told["n_columns"] == (str(found.motion.n_columns), "")
    assert found.verdict is not None
    assert float(told["motion_over_floor"][0]) == pytest.approx(found.verdict.ratio, rel=1e-5)
    assert told["floor"][1] == "angstrom"
    assert float(told["sd_ratio"][0]) == pytest.approx(1, abs=0.1)
    assert told["sd_ratio"][1] == ""


def test_numpy_reads_positions_and_pixel_size(result: Result, tmp_path: Path) -> None:
    with np.load(export_npz(result, tmp_path / "a.npz")) as arrays:
        np.testing.assert_array_equal(arrays["mean_phase"], result.mean_phase())
        assert arrays["sampling"] == s.SAMPLING
        np.testing.assert_allclose(arrays["scan_positions"], s.scan(), atol=1e-5)


def test_everything_at_once_and_nothing_that_is_not_known(found: Findings, tmp_path: Path) -> None:
    files = export(found, tmp_path / "new", FORMATS)
    assert {path.suffix for path in files} == {".emd", ".tif", ".csv", ".toml", ".npz"}
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(path.name for path in files)
    assert Recipe.read(tmp_path / "new" / "recipe.toml") == found.result.recipe
    with pytest.raises(InputError, match=r"no format 'docx'; there are: emd"):
        export(found, tmp_path, ["docx"])


def test_a_folder_that_is_not_there_is_told(result: Result, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        export_emd(result, tmp_path / "absent" / "a.emd")
    with pytest.raises(InputError, match="cannot be written"):
        write_emd_fields(tmp_path / "absent" / "a.emd", [], {})


def test_a_control_needs_a_motion(result: Result) -> None:
    flat = s.result(np.zeros((1, *s.SHAPE)))
    with pytest.raises(InputError, match="no motion to compare"):
        Findings.of(flat, result)
