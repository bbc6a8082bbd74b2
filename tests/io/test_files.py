from __future__ import annotations

from pathlib import Path

import h5py
import pytest

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io import data_path, load, sample_path
from napari_mixedptycho.io.files import SAMPLES


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_are_there_with_their_truth(name: str) -> None:
    dataset = load(f"sample:{name}")
    assert dataset.patterns.shape == (24, 24, 64, 64)
    assert dataset.truth is not None
    assert dataset.truth.columns_mean.shape == (62, 2)
    assert dataset.truth.atoms.shape[0] == (1 if "static" in name else 30)
    # One million electrons per Å², less what misses the detector.
    assert dataset.dose == pytest.approx(1e6, rel=2e-3)


def test_a_sample_has_a_path_with_and_without_its_prefix() -> None:
    assert sample_path("si_sigma9") == sample_path("sample:si_sigma9") == data_path("sample:si_sigma9")


def test_an_unknown_sample_is_refused_with_those_that_exist() -> None:
    with pytest.raises(InputError, match=r"no sample 'gold'; there are: si_sigma9, si_sigma9_static\."):
        load("sample:gold")


def test_patterns_are_not_read_before_they_are_needed() -> None:
    dataset = load("sample:si_sigma9")
    assert isinstance(dataset.patterns, h5py.Dataset)
    assert "values" not in vars(dataset)


def test_missing_files_folders_and_other_kinds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.h5: there is no such file"):
        load(tmp_path / "nothing.h5")
    with pytest.raises(InputError, match="this is a folder"):
        load(tmp_path)
    (tmp_path / "scan.xyz").write_bytes(b"0")
    with pytest.raises(InputError, match=r"files of kind '\.xyz' cannot be read"):
        load(tmp_path / "scan.xyz")
