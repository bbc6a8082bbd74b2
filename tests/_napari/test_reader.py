"""Files and samples come into napari through the manifest, with units and in the right place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from napari import Viewer
from npe2 import PluginManager, PluginManifest

from napari_mixedptycho._napari.images import KEY, View, scanned_field
from napari_mixedptycho._napari.reader import get_reader, read
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io import load, sample_path
from napari_mixedptycho.result import Result

PLUGIN = "napari-mixedptycho"


@pytest.fixture
def plugin(npe2pm: PluginManager) -> PluginManifest:
    manifest = PluginManifest.from_distribution(PLUGIN)
    npe2pm.register(manifest)
    return manifest


def test_the_manifest_names_every_contribution(plugin: PluginManifest) -> None:
    there = plugin.contributions
    assert [widget.display_name for widget in there.widgets] == ["Mixed-object ptychography"]
    assert {sample.key for sample in there.sample_data} == {"si_sigma9", "si_sigma9_static"}
    assert all(command.id.startswith(f"{PLUGIN}.") for command in there.commands)
    for command in there.commands:
        assert callable(command.python_name and command.exec), command.id


@pytest.mark.parametrize("key", ["si_sigma9", "si_sigma9_static"])
def test_samples_open(plugin: PluginManifest, key: str, make_napari_viewer: Callable[[], Viewer]) -> None:
    viewer = make_napari_viewer()
    (layer,) = viewer.open_sample(PLUGIN, key)
    assert layer.metadata[KEY]["file"] == f"sample:{key}"
    assert layer.data.shape == load(f"sample:{key}").scan_shape


def test_a_scan_opens_as_its_bright_field(
    plugin: PluginManifest, make_napari_viewer: Callable[[], Viewer]
) -> None:
    viewer = make_napari_viewer()
    (layer,) = viewer.open(sample_path("si_sigma9"), plugin=PLUGIN)
    assert [str(unit) for unit in layer.units] == ["angstrom", "angstrom"]
    assert layer.axis_labels == ("y", "x")
    np.testing.assert_allclose(layer.scale, 0.4)
    np.testing.assert_allclose(layer.translate, 0.0)


def test_a_result_opens_as_three_layers_over_the_scan(
    plugin: PluginManifest, result_file: Path, small_result: Result, make_napari_viewer: Callable[[], Viewer]
) -> None:
    viewer = make_napari_viewer()
    viewer.open(result_file, plugin=PLUGIN)
    names = [layer.name for layer in viewer.layers]
    assert names == ["[small] phase", "[small] state spread", "[small] mean phase"]
    phase = viewer.layers["[small] phase"]
    assert phase.data.shape == small_result.phase().shape
    assert phase.axis_labels == ("state", "slice", "y", "x")
    assert [str(unit) for unit in phase.units] == ["dimensionless"] * 2 + ["angstrom"] * 2
    np.testing.assert_allclose(phase.scale[-2:], small_result.sampling)
    np.testing.assert_allclose(phase.translate[-2:], small_result.origin)


def test_limits_are_those_of_the_scanned_field(small_result: Result) -> None:
    view, field = View.of(small_result), scanned_field(small_result)
    inside = view.mean_phase[field]
    pixels = [extent / small_result.sampling for extent in small_result.scan_extent]
    assert np.abs(np.subtract(inside.shape, pixels)).max() <= 2
    assert inside.min() <= view.mean_limits[0] < view.mean_limits[1] <= inside.max()


def test_other_files_are_left_to_others(tmp_path: Path) -> None:
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["image"] = np.zeros((4, 5))
    (tmp_path / "text.h5").write_text("not HDF5")
    for path in (other, tmp_path / "text.h5", tmp_path / "absent.h5"):
        assert get_reader(path) is None


def test_a_scan_without_numbers_opens_in_pixels_and_the_dock_will_ask(tmp_path: Path) -> None:
    path = tmp_path / "bare.h5"
    with h5py.File(path, "w") as file:
        file["data"] = np.ones((2, 2, 16, 16))
    assert get_reader([str(path)]) is not None
    ((image, look, kind),) = read(path)
    assert (image.shape, kind, look["units"], look["scale"]) == ((2, 2), "image", ("pixel",) * 2, (1.0, 1.0))
    with h5py.File(path, "w") as file:
        file["data"] = np.ones((4, 16, 16))
    with pytest.raises(InputError, match="scan_shape"):
        read(path)
