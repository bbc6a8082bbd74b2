"""From any file to what the engine works on: the same as from our own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_mixedptycho.io import load
from napari_mixedptycho.prepare import open_dataset, prepare
from napari_mixedptycho.recipe import Recipe
from tests.io import formats
from tests.io.dm_file import DmFile
from tests.small import small

NUMBERS = ("energy", "semiangle", "scan_step", "detector_sampling", "defocus")


def counts() -> np.ndarray:
    """Return a corner of the sample, in whole electrons."""
    dataset = load("sample:si_sigma9")
    return np.round(dataset.patterns[:6, :6] * 1e4).astype(np.uint16)


def recipe_for(path: Path, *changes: str) -> Recipe:
    dataset = load("sample:si_sigma9")
    numbers = [f"microscope.{name}={getattr(dataset, name)!r}" for name in NUMBERS]
    return small(f'data.file="{path.as_posix()}"', "model.thickness=7.68", *numbers, *changes)


def as_npy(path: Path) -> None:
    np.save(path, counts())


def as_big_endian(path: Path) -> None:
    np.save(path, counts().astype(">u2"))


def as_dm4(path: Path) -> None:
    path.write_bytes(DmFile().content(counts(), formats.DM_AXES, 60e3))


def as_stack_with_flyback(path: Path) -> None:
    frames = np.concatenate([counts(), counts()[:, :1]], axis=1)
    np.save(path, frames.reshape(-1, *frames.shape[2:]))


def as_merlin(path: Path) -> None:
    with path.open("wb") as file:
        for number, frame in enumerate(counts().reshape(-1, 64, 64)):
            file.write(formats.merlin_header(64, 64, "U16", number) + frame.astype(">u2").tobytes())


@pytest.mark.parametrize(
    ("name", "write", "changes"),
    [
        ("a.npy", as_npy, ()),
        ("b.npy", as_big_endian, ()),
        ("c.dm4", as_dm4, ()),
        ("d.npy", as_stack_with_flyback, ("data.scan_shape=[6,6]",)),
        ("e.mib", as_merlin, ("data.scan_shape=[6,6]",)),
    ],
)
def test_the_engine_gets_the_same_from_every_format(
    tmp_path: Path, name: str, write: object, changes: tuple[str, ...]
) -> None:
    assert callable(write)
    write(tmp_path / name)
    recipe = recipe_for(tmp_path / name, *changes)
    problem = prepare(recipe, open_dataset(recipe)).problem
    measured = np.fft.fftshift(np.asarray(problem.measured), axes=(-2, -1))
    np.testing.assert_array_equal(measured.reshape(counts().shape), counts())
    assert problem.counted
    assert np.asarray(problem.measured).dtype.isnative
