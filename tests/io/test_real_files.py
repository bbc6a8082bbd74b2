"""Files of real microscopes, where they are at hand: other people's, and no part of this repository."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io import Layout, load, read_contents

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "real"
pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason="the files of real microscopes are not here")
rosetta = pytest.mark.skipif(importlib.util.find_spec("rsciio") is None, reason="needs RosettaSciIO")


@rosetta
@pytest.mark.filterwarnings("ignore")
def test_merlin_agrees_with_rosettasciio() -> None:
    from rsciio.quantumdetector import file_reader

    contents = read_contents(REAL / "001_4x2_6bit.mib", layout=Layout(scan_shape=(2, 4)))
    assert contents.patterns.shape == (2, 4, 256, 256)
    theirs = file_reader(str(REAL / "001_4x2_6bit.mib"), navigation_shape=(4, 2))[0]["data"]
    # RosettaSciIO turns the patterns upside down; here they stay as they are stored.
    np.testing.assert_array_equal(np.asarray(contents.patterns[...])[..., ::-1, :], theirs)


@rosetta
def test_a_blockfile_agrees_with_rosettasciio() -> None:
    from rsciio.blockfile import file_reader

    contents = read_contents(REAL / "test1.blo")
    theirs = file_reader(str(REAL / "test1.blo"))[0]
    np.testing.assert_array_equal(np.asarray(contents.patterns[...]), theirs["data"])
    assert contents.numbers["scan_step"] == pytest.approx(theirs["axes"][1]["scale"] * 10)
    assert contents.numbers["energy"] == 200e3


def test_prismatic_emd_asks_which_and_reads_units() -> None:
    with pytest.raises(InputError, match="several data sets"):
        load(REAL / "Si100_4D.emd")
    key = "4DSTEM_simulation/data/datacubes/CBED_array_depth0001/datacube"
    contents = read_contents(REAL / "Si100_4D.emd", key)
    assert contents.patterns.shape == (11, 11, 8, 8)
    assert contents.numbers["energy"] == pytest.approx(100e3)
    assert {"scan_step", "detector_sampling"} <= set(contents.numbers)


def test_arina_is_read_with_the_microscopes_numbers() -> None:
    pytest.importorskip("hdf5plugin")
    contents = read_contents(REAL / "arina" / "test_00_master.h5")
    assert contents.patterns.shape == (4, 4, 192, 192)
    assert contents.patterns.dtype == np.uint32
    assert np.asarray(contents.patterns[...]).shape == (4, 4, 192, 192)
    assert contents.numbers["energy"] == 300e3
    assert contents.numbers["scan_step"] == pytest.approx(1.3915206)


def test_a_master_without_its_data_names_the_file() -> None:
    name = "au_145mm_68kx_microprobe_01"
    with pytest.raises(InputError, match=rf"its data are in {name}_data_000001\.h5, which is not beside it"):
        load(REAL / f"{name}_master.h5")


def test_merlin_raw_of_four_chips_is_decoded() -> None:
    contents = read_contents(REAL / "test_6bit_RAW_1frame.mib", layout=Layout(scan_shape=(1, 1)))
    (frame,) = np.asarray(contents.patterns[0])
    assert frame.shape == (512, 512)
    assert frame.max() < 64
    stored = np.fromfile(REAL / "test_6bit_RAW_1frame.mib", np.uint8)[768:]
    assert int(frame.sum()) == int(stored.sum())
    # The same picture on all four chips: neighbouring pixels across their seams look alike.
    smooth = np.abs(np.diff(frame.astype(float), axis=1)).mean()
    seam = np.abs(frame[:, 255].astype(float) - frame[:, 256]).mean()
    assert seam < 5 * smooth + 1
