"""Small files in the published layout of every format, all of the same patterns."""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from scipy.io import savemat

from tests.io.dm_file import DmFile

SCAN, EDGE = (3, 4), 16
STACK = (np.arange(3 * 4 * EDGE * EDGE) % 251).reshape(*SCAN, EDGE, EDGE).astype(np.uint16)
"""(scan_y, scan_x, ky, kx); no two axes alike, no symmetry."""
FRAMES = STACK.reshape(-1, EDGE, EDGE)
ENERGY, WAVELENGTH = 200e3, 0.025079340
STEP, SAMPLING, SEMIANGLE = 0.5, 0.02, 21.0


@dataclass(frozen=True)
class Sample:
    """How to write a file of a format, and what must come out of it."""

    name: str
    write: Callable[[Path], None]
    numbers: dict[str, float] = field(default_factory=dict)
    stack: Any = field(default_factory=lambda: STACK)
    scan_known: bool = True
    needs: str | None = None
    angle: float | None = None


def empad(path: Path) -> None:
    """128 rows of detector and two of something else; the XML names the file and the field of view in m."""
    rows = np.full((3, 4, 130, 128), 1e9, np.float32)
    rows[:, :, :128] = EMPAD
    rows.tofile(path.with_suffix(".raw"))
    path.write_text(
        f'<root><raw_file filename="{path.stem}.raw"/><pix_x>4</pix_x><pix_y>3</pix_y><iom_measurements>'
        f"<source.get_voltage>200000</source.get_voltage>"
        f"<optics.get_full_scan_field_of_view>({4 * STEP * 1e-10}, {3 * STEP * 1e-10})"
        f"</optics.get_full_scan_field_of_view><calibrated_pixelsize>{SAMPLING * 10 * 1e-9}"
        "</calibrated_pixelsize></iom_measurements></root>"
    )


EMPAD = np.random.default_rng(0).random((3, 4, 128, 128), dtype=np.float32)


def merlin_header(
    columns: int, rows: int, kind: str, number: int, chips: str = "1x1", bits: int = 12
) -> bytes:
    seconds = number * 0.001 + (number // SCAN[1]) * 0.05
    length = 768 if chips == "2x2" else 384
    fields = (
        f"MQ1,{number + 1:06d},{length:05d},01,{columns:04d},{rows:04d},{kind},{chips:>6},01,"
        f"2024-05-07 18:51:{seconds:09.6f},0.000950,0,0,0,4.0E+1,5.1E+2,3RX,068,511,MQ1A,"
        f"2024-05-07T16:51:{seconds:012.9f}Z,950000ns,{bits},"
    )
    return fields.encode().ljust(length, b"\0")


def merlin(path: Path, kind: str = "U16") -> None:
    """Big-endian patterns, each after its header; after each row of the scan a pause."""
    numbers = {"U08": "u1", "U16": ">u2", "U32": ">u4"}[kind]
    with path.open("wb") as file:
        for number, frame in enumerate(FRAMES):
            file.write(merlin_header(EDGE, EDGE, kind, number))
            file.write(frame.astype(numbers).tobytes())


def dectris(path: Path) -> None:
    """Write a master file that leads to two files of patterns, and the microscope's file beside it."""
    plugin = import_module("hdf5plugin")
    base = path.name.replace("_master.h5", "")
    with h5py.File(path, "w") as file:
        data = file.create_group("entry/data")
        for number, part in enumerate((FRAMES[:5], FRAMES[5:]), 1):
            name = f"{base}_data_{number:06d}.h5"
            data[f"data_{number:06d}"] = h5py.ExternalLink(name, "/entry/data/data")
            with h5py.File(path.with_name(name), "w") as inner:
                inner.create_dataset(
                    "entry/data/data", data=part, chunks=(1, EDGE, EDGE), **plugin.Bitshuffle()
                )
        detector = file.create_group("entry/instrument/detector")
        detector["x_pixel_size"] = 1e-4
        detector["detectorSpecific/photon_energy"] = ENERGY
        detector["detectorSpecific/ntrigger"] = 12
        bad = np.zeros((EDGE, EDGE), np.uint32)
        bad[2, 3] = 1
        detector["detectorSpecific/pixel_mask"] = bad
    with h5py.File(path.with_name(f"{base}.h5"), "w") as file:
        told = file.create_group("STEM Metadata").attrs
        told.update({"NumPixelsX": 4, "NumPixelsY": 3, "High Tension": [ENERGY], "Pixel Size": [STEP / 10]})
        told.update({"Camera Length": [0.2]})


def dm(path: Path) -> None:
    """Version 4, little-endian; dimensions from the fastest to the slowest."""
    version = 3 if path.suffix == ".dm3" else 4
    path.write_bytes(DmFile(version).content(STACK, DM_AXES, ENERGY))


def blockfile(path: Path) -> None:
    """uint8 patterns, each after AA 55 and its number; pixels in 100/cm, camera length in 0.1 mm."""
    head = struct.pack(
        "<6sHIIIHHHHHddIHI", b"IMGBLO", 0x102, 0x1000, 0x100C, 131141, EDGE, 0, 4, 3, 0, STEP / 10, STEP / 10,
        int(ENERGY), 5000, 2000,
    )  # fmt: skip
    with path.open("wb") as file:
        file.write(head.ljust(0x1000, b"\0") + bytes(12))
        for number, frame in enumerate(FRAMES):
            file.write(b"\xaa\x55" + struct.pack("<I", number) + frame.astype(np.uint8).tobytes())


def tvips(path: Path) -> None:
    """Write a header of 256 bytes, and 64 before each pattern, where the scan points are counted from 1."""
    head = struct.pack("<13I", 256, 2, EDGE, EDGE, 16, 0, 0, 1, 1, 20000, 200, 1000, 64)
    with path.open("wb") as file:
        file.write(head.ljust(256, b"T"))
        for number in range(-2, 9):
            before = bytearray(64)
            before[48:52] = struct.pack("<I", max(0, number + 1))
            file.write(bytes(before) + FRAMES[max(number, 0)].astype("<u2").tobytes())


def mrc(path: Path) -> None:
    """1024 bytes, x fastest; Direct Electron's text file beside it tells the scan."""
    head = bytearray(1024)
    head[:16] = struct.pack("<4i", EDGE, EDGE, 12, 6)
    head[208:216] = b"MAP \x44\x44\0\0"
    path.write_bytes(bytes(head) + FRAMES.astype("<u2").tobytes())
    path.with_name(path.stem.replace("_movie", "") + "_info.txt").write_text(
        f"Scan - Size X = 4\nScan - Size Y = 3\nSpecimen Pixel Size X (nanometers) = {STEP / 10}\n"
    )


def npy(path: Path) -> None:
    np.save(path, STACK)


def npy_fortran(path: Path) -> None:
    np.save(path, np.asfortranarray(STACK))


def npy_big_endian(path: Path) -> None:
    np.save(path, STACK.astype(">u2"))


def raw(path: Path) -> None:
    STACK.tofile(path)


def mat5(path: Path) -> None:
    """MATLAB's order: (ky, kx, scan_y, scan_x)."""
    savemat(path, {"cbed": STACK.transpose(2, 3, 0, 1), "note": "x"}, do_compression=True)


def mat73(path: Path) -> None:
    """MATLAB's order again, which stands in HDF5 from back to front, after 512 bytes of MATLAB's own."""
    with h5py.File(path, "w", userblock_size=512) as file:
        file["cbed"] = STACK.transpose(2, 3, 0, 1).transpose()
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(128))


def tiff(path: Path) -> None:
    import_module("tifffile").imwrite(path, STACK, photometric="minisblack")


def tiff_pages(path: Path) -> None:
    import_module("tifffile").imwrite(path, FRAMES, compression="zlib", photometric="minisblack")


NION = {
    "dimensional_calibrations": [{"offset": 0, "scale": STEP / 10, "units": "nm"}] * 2
    + [{"offset": -0.01, "scale": 1e-3 * SAMPLING * 1e3 * WAVELENGTH, "units": "rad"}] * 2,
    "collection_dimension_count": 2,
    "datum_dimension_count": 2,
    "metadata": {"instrument": {"high_tension": ENERGY}},
}


def ndata(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        with archive.open("data.npy", "w") as file:
            np.save(file, STACK)  # type: ignore[arg-type]
        archive.writestr("metadata.json", json.dumps(NION))


def nion_h5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["data"] = STACK
        file["data"].attrs["properties"] = json.dumps(NION)


def emd0(path: Path) -> None:
    """EMD 0.2: dim1 to dim4, units in brackets, axes as they stand."""
    with h5py.File(path, "w") as file:
        _dims(file.create_group("data/scan"), 1, ("[n_m]", STEP / 10), ("[n_m^-1]", SAMPLING * 10))


def fpd(path: Path) -> None:
    """EMD of fpd: a colour axis of length one, metres, and mrad."""
    with h5py.File(path, "w") as file:
        group = file.create_group("fpd_expt/fpd_data")
        group["data"] = STACK[:, :, None]
        axes = [("scanY", STEP * 1e-10, "m"), ("scanX", STEP * 1e-10, "m"), ("colour", 1.0, "na")]
        axes += [(name, SAMPLING * WAVELENGTH * 1e3, "mrad") for name in ("detY", "detX")]
        for number, (name, scale, unit) in enumerate(axes, 1):
            dim = group.create_dataset(
                f"dim{number}", data=np.arange(group["data"].shape[number - 1]) * scale
            )
            dim.attrs.update({"name": np.bytes_(name), "units": np.bytes_(unit)})


def py4dstem(path: Path) -> None:
    """EMD 1.0 as py4DSTEM 0.14 writes it: dim0 to dim3 of two elements, calibration in a bundle."""
    with h5py.File(path, "w") as file:
        cube = file.create_group("datacube_root/datacube")
        cube.attrs.update({"emd_group_type": "array", "python_class": "DataCube"})
        cube["data"] = STACK
        for axis in range(4):
            dim = cube.create_dataset(f"dim{axis}", data=[0.0, 1.0])
            dim.attrs.update({"name": ("Rx", "Ry", "Qx", "Qy")[axis], "units": "pixels"})
        bundle = file.create_group("datacube_root/metadatabundle/calibration")
        bundle["R_pixel_size"], bundle["R_pixel_units"] = STEP, "A"
        bundle["Q_pixel_size"], bundle["Q_pixel_units"] = SAMPLING, "A^-1"


def hspy(path: Path) -> None:
    with h5py.File(path, "w") as file:
        group = file.create_group("Experiments/scan")
        group["data"] = STACK
        units = [("nm", STEP / 10, True)] * 2 + [("nm$^{-1}$", SAMPLING * 10, False)] * 2
        for axis, (unit, scale, moves) in enumerate(units):
            group.create_group(f"axis-{axis}").attrs.update(
                {"units": unit, "scale": scale, "navigate": moves}
            )
        tem = group.create_group("metadata/Acquisition_instrument/TEM")
        tem.attrs.update({"beam_energy": ENERGY / 1e3, "convergence_angle": SEMIANGLE})


def nexus(path: Path) -> None:
    """NXdata with axes in centimetres for the scan, and per metre for the detector."""
    with h5py.File(path, "w") as file:
        group = file.create_group("entry/data")
        group.attrs.update({"NX_class": "NXdata", "signal": "counts", "axes": ["y", "x", "ky", "kx"]})
        group["counts"] = STACK
        scan, detector = (STEP * 1e-8, "cm"), (SAMPLING * 1e10, "1/m")
        axes = {"y": scan, "x": scan, "ky": detector, "kx": detector}
        for length, (name, (scale, unit)) in zip(STACK.shape, axes.items(), strict=True):
            group[name] = np.arange(length) * scale
            group[name].attrs["units"] = unit
        file["entry/instrument/beam/incident_energy"] = ENERGY / 1e3
        file["entry/instrument/beam/incident_energy"].attrs["units"] = "keV"


def velox(path: Path) -> None:
    """Images one behind the other along the last axis; JSON as bytes in a column; semi-angle in rad."""
    facts = {"Optics": {"AccelerationVoltage": str(ENERGY), "BeamConvergence": str(SEMIANGLE / 1e3)}}
    facts |= {"BinaryResult": {"PixelSize": {"width": str(SAMPLING * 1e10)}, "PixelUnitX": "1/m"}}
    with h5py.File(path, "w") as file:
        group = file.create_group("Data/Image/0123abcd")
        group["Data"] = FRAMES.transpose(1, 2, 0)
        text = np.frombuffer(json.dumps(facts).encode().ljust(2000, b"\0"), np.uint8)
        group["Metadata"] = text[:, None]


def pypty(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["data"] = FRAMES.astype(np.float32)


def ptyrad(path: Path) -> None:
    """As PtyRAD and PtychoShelves take it: ``dp`` of three axes, a probe beside it."""
    with h5py.File(path, "w") as file:
        file["dp"] = FRAMES.astype(np.float32)
        file["probe"] = np.zeros((2, EDGE, EDGE), np.complex64)


def ours(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["data"] = STACK
        file.attrs.update(
            {
                "energy_eV": ENERGY,
                "semiangle_mrad": SEMIANGLE,
                "scan_step_A": STEP,
                "dk": SAMPLING,
                "defocus_A": 7.0,
            }
        )


def abtem(path: Path) -> None:
    zarr = import_module("zarr")
    root = zarr.open_group(str(path), mode="w", zarr_format=2)
    array = root.create_array("array0", shape=STACK.shape, chunks=(1, 2, EDGE, EDGE), dtype="f4")
    array[...] = STACK.astype(np.float32)
    axis = {"type": "ScanAxis", "label": "x", "sampling": STEP, "units": "Å"}
    root.attrs["kwargs0"] = {
        "sampling": [SAMPLING, SAMPLING],
        "fftshift": True,
        "ensemble_axes_metadata": [axis, axis],
        "metadata": {"energy": ENERGY, "semiangle_cutoff": SEMIANGLE},
    }
    root.attrs["type0"] = "DiffractionPatterns"


def _dims(group: h5py.Group, first: int, scan: tuple[str, float], detector: tuple[str, float]) -> None:
    group.attrs["emd_group_type"] = 1
    group["data"] = STACK
    for axis in range(4):
        unit, scale = scan if axis < 2 else detector
        dim = group.create_dataset(f"dim{first + axis}", data=np.arange(STACK.shape[axis]) * scale)
        dim.attrs.update({"name": f"a{axis}", "units": unit})


DM_AXES = ((SAMPLING * 10, "1/nm"),) * 2 + ((STEP / 10, "nm"),) * 2

ALL = {"energy": ENERGY, "scan_step": STEP, "detector_sampling": SAMPLING}
STEPS = {"scan_step": STEP, "detector_sampling": SAMPLING}
SAMPLES = (
    Sample("scan.xml", empad, ALL, EMPAD),
    Sample("scan.mib", merlin, {"electrons_per_unit": 1.0}),
    Sample("scan_master.h5", dectris, {"energy": ENERGY, "scan_step": STEP}, needs="hdf5plugin", angle=0.5),
    Sample("scan.dm4", dm, ALL),
    Sample("scan.dm3", dm, ALL),
    Sample("scan.blo", blockfile, {"energy": ENERGY, "scan_step": STEP}, STACK.astype(np.uint8), angle=1.0),
    Sample("scan_000.tvips", tvips, {"energy": ENERGY}, FRAMES[:9].reshape(3, 3, EDGE, EDGE)),
    Sample("20240101_7_movie.mrc", mrc, {"scan_step": STEP}),
    Sample("scan.npy", npy),
    Sample("fortran.npy", npy_fortran),
    Sample("big.npy", npy_big_endian),
    Sample("scan.raw", raw, scan_known=False),
    Sample("scan.mat", mat5),
    Sample("new.mat", mat73),
    Sample("scan.tif", tiff, needs="tifffile"),
    Sample("pages.tif", tiff_pages, scan_known=False, needs="tifffile"),
    Sample("scan.ndata", ndata, ALL),
    Sample("nion.h5", nion_h5, ALL),
    Sample("old.emd", emd0, STEPS),
    Sample("fpd.hdf5", fpd, {"scan_step": STEP}, angle=SAMPLING * WAVELENGTH * 1e3),
    Sample("py4dstem.emd", py4dstem, STEPS),
    Sample("scan.hspy", hspy, {**ALL, "semiangle": SEMIANGLE}),
    Sample("scan.nxs", nexus, ALL),
    Sample(
        "velox.emd",
        velox,
        {"energy": ENERGY, "semiangle": SEMIANGLE, "detector_sampling": SAMPLING},
        scan_known=False,
    ),
    Sample("pypty.h5", pypty, stack=STACK.astype(np.float32), scan_known=False),
    Sample("data_roi0_dp.hdf5", ptyrad, stack=STACK.astype(np.float32), scan_known=False),
    Sample("ours.h5", ours, {**ALL, "semiangle": SEMIANGLE, "defocus": 7.0}),
    Sample("abtem.zarr", abtem, {**ALL, "semiangle": SEMIANGLE}, STACK.astype(np.float32), needs="zarr"),
)
