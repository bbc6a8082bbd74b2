"""What is written comes back, here and in other programs."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from napari_mixedptycho.cli import main
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io import load, read_contents, sample_path, write_emd, write_hdf5
from tests.io import formats
from tests.io.formats import SAMPLES, STACK, Sample


@pytest.mark.parametrize("suffix", [".h5", ".emd"])
@pytest.mark.parametrize("sample", [s for s in SAMPLES if s.scan_known], ids=lambda sample: sample.name)
def test_any_format_is_converted(sample: Sample, suffix: str, tmp_path: Path) -> None:
    if sample.needs:
        pytest.importorskip(sample.needs)
    sample.write(tmp_path / sample.name)
    out = tmp_path / f"out{suffix}"
    assert main(["convert", str(tmp_path / sample.name), str(out), "--semiangle", "21", "--quiet"]) == 0
    before, after = read_contents(tmp_path / sample.name), read_contents(out)
    np.testing.assert_array_equal(after.patterns[...], before.patterns[...])
    assert after.patterns.dtype == before.patterns.dtype
    for name, value in before.numbers.items():
        assert after.numbers[name] == pytest.approx(value), name
    assert after.numbers["semiangle"] == 21.0


def test_a_sample_keeps_its_truth_and_dose(tmp_path: Path) -> None:
    for _ in write_hdf5(read_contents(sample_path("si_sigma9")), tmp_path / "a.h5"):
        pass
    before, after = load("sample:si_sigma9"), load(tmp_path / "a.h5")
    assert after.hash == before.hash
    assert after.dose == pytest.approx(before.dose)
    assert after.truth is not None
    np.testing.assert_array_equal(after.truth.columns_mean, before.truth.columns_mean)  # type: ignore[union-attr]


def test_a_mask_comes_along(tmp_path: Path) -> None:
    pytest.importorskip("hdf5plugin")
    formats.dectris(tmp_path / "scan_master.h5")
    assert main(["convert", str(tmp_path / "scan_master.h5"), str(tmp_path / "a.h5"), "--quiet"]) == 0
    mask = read_contents(tmp_path / "a.h5").mask
    assert mask is not None
    assert int((~mask).sum()) == 1


@pytest.mark.filterwarnings("ignore")  # its own affair
@pytest.mark.skipif(importlib.util.find_spec("rsciio") is None, reason="needs RosettaSciIO")
def test_rosettasciio_opens_our_emd(tmp_path: Path) -> None:
    from rsciio.emd import file_reader

    formats.ours(tmp_path / "ours.h5")
    for _ in write_emd(read_contents(tmp_path / "ours.h5"), tmp_path / "a.emd"):
        pass
    (signal,) = file_reader(str(tmp_path / "a.emd"))
    np.testing.assert_array_equal(signal["data"], STACK)
    assert [axis["scale"] for axis in signal["axes"]] == pytest.approx([0.5, 0.5, 0.02, 0.02])


def test_a_stack_needs_its_scan_shape_and_a_file_that_is_there_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    formats.pypty(tmp_path / "scan.h5")
    out = tmp_path / "out.h5"
    assert main(["convert", str(tmp_path / "scan.h5"), str(out)]) == 2
    assert "does not say the shape of the scan" in capsys.readouterr().err
    assert not out.exists()
    assert main(["convert", str(tmp_path / "scan.h5"), str(out), "--scan-shape", "3", "4"]) == 0
    assert "3 of 3 rows" in capsys.readouterr().err
    assert main(["convert", str(tmp_path / "scan.h5"), str(out), "--scan-shape", "3", "4"]) == 2
    assert "is there already" in capsys.readouterr().err
    assert main(["convert", str(tmp_path / "scan.h5"), str(tmp_path / "out.tif")]) == 2


def test_a_file_that_breaks_half_way_leaves_nothing(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("data", (4, 4, 16, 16), "u2", chunks=(1, 4, 16, 16), compression="gzip")
        data[...] = 7
        data.id.write_direct_chunk((3, 0, 0, 0), b"no gzip at all")
    with pytest.raises(InputError, match="cannot be read"):
        list(write_hdf5(read_contents(tmp_path / "a.h5"), tmp_path / "b.h5"))
    assert [file.name for file in tmp_path.iterdir()] == ["a.h5"]


def test_fractions_are_not_rounded_away(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.random.default_rng(0).random((4, 4, 16, 16)).astype(np.float32) / 256)
    with pytest.raises(InputError, match=r"fractions; as uint8 they would add up to 0 in place of"):
        main_write(tmp_path / "a.npy", tmp_path / "a.h5", "uint8")
    assert not (tmp_path / "a.h5").exists()


def test_counts_that_a_gain_changed_are_rounded(tmp_path: Path) -> None:
    counts = np.random.default_rng(0).poisson(20.0, (4, 4, 16, 16))
    np.save(tmp_path / "a.npy", (counts * 1.01).astype(np.float32))
    main_write(tmp_path / "a.npy", tmp_path / "a.h5", "uint8")
    np.testing.assert_array_equal(read_contents(tmp_path / "a.h5").patterns[...], np.rint(counts * 1.01))


def main_write(source: Path, out: Path, kind: str) -> None:
    """Write a file with numbers of another type."""
    for _ in write_hdf5(replace(read_contents(source), number_type=np.dtype(kind)), out):
        pass
