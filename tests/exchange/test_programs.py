"""Another program's result predicts here what it predicted there."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from napari_mixedptycho.engine.detector import Detector
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.forward import predict
from napari_mixedptycho.engine.problem import Problem, divide
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.exchange import Imported, read_foreign
from napari_mixedptycho.exchange.imported import energy_of
from napari_mixedptycho.optics import propagator, wavelength
from tests.exchange import programs
from tests.exchange.programs import EDGE, ENERGY, ONE_STATE, SAMPLING, SPACING, WRITERS, Case


def our_patterns(found: Imported) -> np.ndarray:
    """Predict with the engine, from an imported result alone."""
    assert found.positions is not None
    size = found.probe.shape[-1]
    spacing, energy = found.slice_spacing or 1.0, found.energy or ENERGY
    problem = Problem(
        measured=np.zeros((len(found.positions), size, size), np.float32),
        scale=1.0,
        weight=np.ones((size, size), np.float32),
        detector=Detector(size, size),
        propagator=propagator(size, found.sampling, energy, spacing).astype(np.complex64),
        lanes=divide(np.arange(len(found.positions)), 2),
        sampling=found.sampling,
    )
    estimate = Estimate(found.object, found.probe, found.positions)
    return np.asarray(predict(problem, estimate, np.arange(len(found.positions))))


def distance(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("slices", [1, 3])
@pytest.mark.parametrize("modes", [1, 3])
def test_a_result_predicts_the_same_patterns_here(name: str, slices: int, modes: int, tmp_path: Path) -> None:
    case = Case.draw(1 if name in ONE_STATE else 3, slices, modes)
    theirs = WRITERS[name](tmp_path / "whatever.bin", case)
    found = read_foreign(tmp_path / "whatever.bin")
    assert found.program == name
    assert found.object.shape[:2] == case.object.shape[:2]
    assert found.probe.shape == case.probe.shape
    assert found.sampling == pytest.approx(SAMPLING)
    assert found.energy == pytest.approx(ENERGY, rel=1e-4)
    assert slices == 1 or found.slice_spacing == pytest.approx(SPACING)
    assert distance(our_patterns(found), theirs) < 1e-4


@pytest.mark.parametrize("name", WRITERS)
def test_each_convention_matters(name: str, tmp_path: Path) -> None:
    """A conjugated wave, a moved probe or a mirrored object would be seen by the test above."""
    case = Case.draw(1, 3, 1)
    theirs = WRITERS[name](tmp_path / "a", case)
    found = read_foreign(tmp_path / "a")
    assert found.positions is not None
    wrong = [
        replace(found, object=found.object.conj()),
        replace(found, probe=np.roll(found.probe, 1, axis=-1)),
        replace(found, object=found.object[..., ::-1, :]),
        replace(found, positions=found.positions[:, ::-1]),
        replace(found, object=found.object[:, ::-1]),
        replace(found, probe=found.probe * 1.1),
    ]
    for other in wrong:
        assert distance(our_patterns(other), theirs) > 5e-3


def test_a_real_potential_of_py4dstem_is_a_phase(tmp_path: Path) -> None:
    case = Case.draw(1, 2, 1, real=True)
    theirs = programs.py4dstem(tmp_path / "a", case, "potential")
    found = read_foreign(tmp_path / "a")
    np.testing.assert_allclose(np.abs(found.object), 1, rtol=1e-5)
    assert distance(our_patterns(found), theirs) < 1e-4


@pytest.mark.parametrize("name", ["py4DSTEM", "quantem"])
def test_windows_that_wrap_around_are_laid_out(name: str, tmp_path: Path) -> None:
    case = Case.draw(1, 2, 1)
    beyond = replace(case, corners=case.corners + np.array([-9, 12]))
    theirs = WRITERS[name](tmp_path / "a", beyond)
    found = read_foreign(tmp_path / "a")
    assert found.object.shape[-2] > case.object.shape[-2]
    assert found.object.shape[-1] > case.object.shape[-1]
    assert distance(our_patterns(found), theirs) < 1e-4


def test_an_energy_follows_from_its_wavelength() -> None:
    assert energy_of(wavelength(80e3)) == pytest.approx(80e3)


# --- refusals -------------------------------------------------------------------------------------


def refused(path: Path, *words: str) -> None:
    with pytest.raises(InputError) as caught:
        read_foreign(path)
    text = str(caught.value)
    assert text.startswith(str(path))
    assert "\n" not in text
    for word in words:
        assert word in text


def test_what_is_not_known_is_refused(tmp_path: Path) -> None:
    refused(tmp_path / "nothing", "no such file")
    (tmp_path / "text").write_text("hello", encoding="utf-8")
    refused(tmp_path / "text", "pypty, PtyRAD, phaser, py4DSTEM and quantem")
    with h5py.File(tmp_path / "other", "w") as file:
        file["data"] = 1.0
    refused(tmp_path / "other", "no result that is known")
    (tmp_path / "folder").mkdir()
    refused(tmp_path / "folder", "no result that is known")
    np.savez(tmp_path / "arrays.npz", a=1)
    refused(tmp_path / "arrays.npz", "no result that is known")


def test_pickles_are_refused_and_the_export_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "pypty"
    folder.mkdir()
    (folder / "params.pkl").write_bytes(b"\x80\x04")
    refused(folder, "convert_to_nxs")
    refused(folder / "params.pkl", "pickle", "convert_to_nxs")
    store = tmp_path / "store"
    store.mkdir()
    (store / "zarr.json").write_text("{}", encoding="utf-8")
    refused(store, "quantem", "np.savez")
    for name, word in (("zarr.json", "np.savez"), ("archive/data.pkl", "PyTorch")):
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            archive.writestr(name, "{}")
        refused(tmp_path / "a.zip", word)


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_without_its_object_is_refused_in_words(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    WRITERS[name](path, Case.draw(1, 2, 1))
    if name == "quantem":
        with np.load(path) as arrays:
            rest = {key: arrays[key] for key in arrays if key != "probe"}
        with path.open("wb") as handle:
            np.savez(handle, **rest)
        refused(path)
        return
    lost = {
        "pypty": "entry/object/data",
        "PtyRAD": "model_attributes/dx",
        "phaser": "object/sampling",
        "py4DSTEM": "reconstruction_root/ptychographic_reconstruction/_probe_emd/data",
    }
    with h5py.File(path, "a") as file:
        del file[lost[name]]
    refused(path, "cannot be read")


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    programs.phaser(tmp_path / "a", Case.draw(1, 1, 1))
    content = (tmp_path / "a").read_bytes()
    (tmp_path / "a").write_bytes(content[: len(content) // 2])
    refused(tmp_path / "a")


def test_pixels_that_are_not_square_are_refused(tmp_path: Path) -> None:
    programs.phaser(tmp_path / "a", Case.draw(1, 1, 1))
    with h5py.File(tmp_path / "a", "a") as file:
        file["object/sampling"][...] = [SAMPLING, 2 * SAMPLING]
    refused(tmp_path / "a", "square")


def test_a_window_that_is_not_square_is_refused(tmp_path: Path) -> None:
    programs.phaser(tmp_path / "a", Case.draw(1, 1, 1))
    with h5py.File(tmp_path / "a", "a") as file:
        narrow = file["probe/data"][:, : EDGE - 2]
        del file["probe/data"]
        file["probe/data"] = narrow
    refused(tmp_path / "a", "square window")


def test_values_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    case = Case.draw(1, 1, 1)
    case.object[0, 0, 3, 3] = np.nan
    programs.quantem(tmp_path / "a", case)
    refused(tmp_path / "a", "NaN")
