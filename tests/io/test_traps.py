"""Traps that files of other programs lay."""

from __future__ import annotations

import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io import Layout, data_path, load, read_contents
from napari_mixedptycho.io.lazy import Lazy
from napari_mixedptycho.io.merlin import unpacked
from napari_mixedptycho.io.units import sampling
from tests.io import formats
from tests.io.dm_file import DmFile
from tests.io.formats import FRAMES, SAMPLING, STACK, STEP


def test_empad_leaves_out_the_two_rows_that_are_no_detector(tmp_path: Path) -> None:
    formats.empad(tmp_path / "scan.xml")
    contents = read_contents(tmp_path / "scan.xml")
    assert contents.patterns.shape == (3, 4, 128, 128)
    assert float(np.max(contents.patterns)) < 1  # those rows hold 1e9


def test_empad_opens_by_its_raw_too_and_by_the_name_alone(tmp_path: Path) -> None:
    formats.empad(tmp_path / "scan.xml")
    assert read_contents(tmp_path / "scan.raw").numbers["scan_step"] == pytest.approx(STEP)
    (tmp_path / "scan.xml").unlink()
    (tmp_path / "scan.raw").rename(tmp_path / "scan_x4_y3.raw")
    contents = read_contents(tmp_path / "scan_x4_y3.raw")
    assert contents.patterns.shape == (3, 4, 128, 128)
    np.testing.assert_array_equal(contents.patterns[2, 3], formats.EMPAD[2, 3])


def test_the_detector_sampling_of_empad_is_doubted(tmp_path: Path) -> None:
    formats.empad(tmp_path / "scan.xml")
    assert any(
        "often that of another camera length" in note for note in read_contents(tmp_path / "scan.xml").notes
    )


def test_an_empad_header_without_its_patterns_is_refused(tmp_path: Path) -> None:
    formats.empad(tmp_path / "scan.xml")
    (tmp_path / "scan.raw").unlink()
    with pytest.raises(InputError, match=r"belongs to scan\.raw, which is not beside it"):
        load(tmp_path / "scan.xml")


@pytest.mark.parametrize("kind", ["U08", "U16", "U32"])
def test_merlin_is_big_endian_on_disk_and_native_in_memory(tmp_path: Path, kind: str) -> None:
    formats.merlin(tmp_path / "scan.mib", kind)
    patterns = read_contents(tmp_path / "scan.mib").patterns
    assert patterns.dtype == {"U08": np.uint8, "U16": np.uint16, "U32": np.uint32}[kind]
    np.testing.assert_array_equal(patterns[...], STACK)
    assert np.asarray(patterns[0, 0]).dtype.isnative


def test_merlin_finds_its_rows_by_the_pauses_between_them(tmp_path: Path) -> None:
    formats.merlin(tmp_path / "scan.mib")
    assert read_contents(tmp_path / "scan.mib").patterns.shape[:2] == (3, 4)


def test_merlin_that_stopped_early_keeps_its_whole_rows(tmp_path: Path) -> None:
    formats.merlin(tmp_path / "scan.mib")
    whole = (tmp_path / "scan.mib").read_bytes()
    (tmp_path / "scan.mib").write_bytes(whole[: 10 * len(whole) // 12])
    (tmp_path / "scan.hdr").write_text(
        "Frames in Acquisition (Number):\t12\nFrames per Trigger (Number):\t4\n"
    )
    contents = read_contents(tmp_path / "scan.hdr")
    np.testing.assert_array_equal(contents.patterns[...], STACK[:2])
    assert any("stopped after 10 of 12" in note for note in contents.notes)


def merlin_raw(frame: np.ndarray, bits: int) -> bytes:
    """Pack a pattern as a chip sends it: words of 64 bits, the last pixel first."""
    if bits == 1:
        words = np.packbits(frame.reshape(-1, 64), axis=-1, bitorder="little")[:, ::-1]
    elif bits == 6:
        words = frame.astype(np.uint8).reshape(-1, 8)[:, ::-1]
    else:
        words = frame.astype(">u2").reshape(-1, 4)[:, ::-1]
    return np.ascontiguousarray(words).tobytes()


@pytest.mark.parametrize("bits", [1, 6, 12])
def test_merlin_raw_of_one_chip_is_decoded(tmp_path: Path, bits: int) -> None:
    frames = np.random.default_rng(bits).integers(0, 2**bits, (4, 16, 64))
    with (tmp_path / "raw.mib").open("wb") as file:
        for number, frame in enumerate(frames):
            file.write(formats.merlin_header(64, 16, "R64", number, bits=bits) + merlin_raw(frame, bits))
    patterns = read_contents(tmp_path / "raw.mib", layout=Layout(scan_shape=(2, 2))).patterns
    np.testing.assert_array_equal(patterns[...], frames.reshape(2, 2, 16, 64))


def test_the_lower_chips_of_a_quad_are_turned() -> None:
    image = np.random.default_rng(0).integers(0, 64, (512, 512)).astype(np.uint8)
    upper, lower = image[:256], image[256:, :][::-1]
    chips = [upper[:, :256], upper[:, 256:], lower[:, :256][:, ::-1], lower[:, 256:][:, ::-1]]
    stored = np.frombuffer(merlin_raw(np.concatenate(chips, axis=1), 6), np.uint8).reshape(1, 256, 1024)
    np.testing.assert_array_equal(unpacked(stored, 6, quad=True)[0], image)


def test_merlin_raw_of_24_bits_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "raw.mib").write_bytes(formats.merlin_header(64, 16, "R64", 0, bits=24) + bytes(9999))
    with pytest.raises(InputError, match="Merlin RAW of 24 bits; 1, 6 and 12 can be read"):
        load(tmp_path / "raw.mib")


def test_a_missing_file_of_a_dectris_master_is_named(tmp_path: Path) -> None:
    pytest.importorskip("hdf5plugin")
    formats.dectris(tmp_path / "scan_master.h5")
    (tmp_path / "scan_data_000002.h5").unlink()
    with pytest.raises(InputError, match=r"its data are in scan_data_000002\.h5, which is not beside it"):
        load(tmp_path / "scan_master.h5")


def test_bad_pixels_of_dectris_are_masked(tmp_path: Path) -> None:
    pytest.importorskip("hdf5plugin")
    formats.dectris(tmp_path / "scan_master.h5")
    dataset = load(tmp_path / "scan_master.h5", numbers={"semiangle": 20.0})
    assert dataset.mask is not None
    assert list(zip(*np.nonzero(~dataset.mask), strict=True)) == [(2, 3)]


def test_bitshuffle_without_its_filter_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("hdf5plugin")
    formats.dectris(tmp_path / "scan_master.h5")
    monkeypatch.setattr(h5py.h5z, "filter_avail", lambda code: code < 256)
    monkeypatch.setitem(sys.modules, "hdf5plugin", None)
    with pytest.raises(InputError, match=r"filter 32008 of HDF5, which is not installed.*\[formats\]"):
        load(tmp_path / "scan_data_000001.h5")


def test_rows_stay_rows_whatever_other_programs_call_x(tmp_path: Path) -> None:
    # py4DSTEM calls the rows x; RosettaSciIO turns the axes of EMD 0.x round. Here they stay as stored.
    for name, write in (("old.emd", formats.emd0), ("fpd.hdf5", formats.fpd), ("p.emd", formats.py4dstem)):
        write(tmp_path / name)
        np.testing.assert_array_equal(read_contents(tmp_path / name).patterns[2, 1], STACK[2, 1])


def test_a_detector_that_comes_first_is_put_last(tmp_path: Path) -> None:
    axes = [(STEP / 10, "nm")] * 2 + [(SAMPLING * 10, "1/nm")] * 2
    stack = np.ascontiguousarray(STACK.transpose(2, 3, 0, 1))
    (tmp_path / "scan.dm4").write_bytes(DmFile().content(stack, axes, 200e3))
    contents = read_contents(tmp_path / "scan.dm4")
    np.testing.assert_array_equal(contents.patterns[...], STACK)
    assert contents.numbers["scan_step"] == pytest.approx(STEP)


def test_axes_may_be_typed_in(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", STACK.transpose(3, 2, 1, 0))
    contents = read_contents(tmp_path / "a.npy", layout=Layout(axes="kx ky scan_x scan_y"))
    np.testing.assert_array_equal(contents.patterns[...], STACK)


def test_an_array_in_python_objects_is_never_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{}, []], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="real numbers are needed"):
        load(tmp_path / "a.npy")


@pytest.mark.parametrize(
    ("value", "unit", "field", "expected"),
    [
        (1e-10, "m", "length", 1.0),
        (1e-8, "cm", "length", 1.0),
        (0.1, "[n_m]", "length", 1.0),
        (1e-4, "µm", "length", 1.0),
        (1.0, "Å", "length", 1.0),
        (1.0, "A", "length", 1.0),
        (10.0, "1/nm", "frequency", 1.0),
        (10.0, "[n_m^-1]", "frequency", 1.0),
        (10.0, "nm⁻¹", "frequency", 1.0),
        (10.0, "nm$^{-1}$", "frequency", 1.0),
        (1.0, "A^-1", "frequency", 1.0),
        (1.0, "Å⁻¹", "frequency", 1.0),
        (1.0, "1 / Å", "frequency", 1.0),
        (1e10, "1/m", "frequency", 1.0),
        (1.0, "mrad", "angle", 1.0),
        (1e-3, "rad", "angle", 1.0),
        (1.0, "deg", "angle", 17.453292519943297),
    ],
)
def test_units_however_they_are_spelt(value: float, unit: str, field: str, expected: float) -> None:
    found = sampling(value, unit)
    assert getattr(found, field) == pytest.approx(expected)
    assert sum(part is not None for part in (found.length, found.frequency, found.angle)) == 1


@pytest.mark.parametrize("unit", ["pixels", "px", "", None, "<undefined>", "eV", "counts"])
def test_units_that_say_nothing_set_nothing(unit: str | None) -> None:
    found = sampling(1.0, unit)
    assert (found.length, found.frequency, found.angle) == (None, None, None)


def test_a_camera_is_not_taken_to_count(tmp_path: Path) -> None:
    formats.blockfile(tmp_path / "scan.blo")
    assert "electrons_per_unit" not in read_contents(tmp_path / "scan.blo").numbers


def test_a_raw_file_says_what_must_be_typed_in(tmp_path: Path) -> None:
    path = tmp_path / "scan.bin"
    path.write_bytes(b"HEAD" + b"".join(frame.astype(">u2").tobytes() + b"gap" for frame in FRAMES))
    with pytest.raises(InputError, match=r"set data\.detector_shape.*data\.number_type"):
        load(path)
    layout = Layout(scan_shape=(3, 4), detector_shape=(16, 16), number_type=">u2", skip_bytes=4, frame_gap=3)
    np.testing.assert_array_equal(read_contents(data_path(path), layout=layout).patterns[...], STACK)


def test_one_pattern_does_not_read_the_file(tmp_path: Path) -> None:
    # A memory map, or something that reads by the slice: never an array of the whole.
    for sample in formats.SAMPLES:
        if sample.needs:
            pytest.importorskip(sample.needs)
        sample.write(tmp_path / sample.name)
        layout = Layout.parse(
            {} if sample.name != "scan.raw" else {"detector_shape": (16, 16), "number_type": "uint16"}
        )
        patterns = read_contents(tmp_path / sample.name, layout=layout).patterns
        assert isinstance(patterns, np.memmap | h5py.Dataset | Lazy), sample.name
