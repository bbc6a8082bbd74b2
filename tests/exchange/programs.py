"""The five programs written once more: what each predicts, and the file that it would write.

Loops and plain NumPy, nothing shared with the engine or the readers. Facts only: each function states where
its conventions are published.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

ENERGY = 200e3
WAVELENGTH = 0.0250793
"""Å, of 200 keV electrons."""
SAMPLING, SPACING, EDGE = 0.2, 2.5, 24
TILTS = np.array([[2.0, -3.0]])
"""mrad; what PtyRAD may have refined."""
SCAN = (2, 3)


@dataclass(frozen=True)
class Case:
    """A reconstruction: object (state, slice, y, x), probe (mode, y, x) on the corner, corners of windows."""

    object: np.ndarray
    probe: np.ndarray
    corners: np.ndarray
    shifts: np.ndarray

    @classmethod
    def draw(cls, states: int, slices: int, modes: int, seed: int = 0, real: bool = False) -> Case:
        random = np.random.default_rng(seed)
        shape = (states, slices, EDGE + 14, EDGE + 17)
        rows, columns = np.fft.fftfreq(shape[2]), np.fft.fftfreq(shape[3])
        low = np.exp(-((rows[:, None] / 0.06) ** 2) - (columns / 0.06) ** 2)
        smooth = np.fft.ifft2(np.fft.fft2(random.normal(0, 1, (2, *shape))) * low).real
        phase, loss = smooth / smooth.std()
        stored = np.exp(0.4j * (phase - phase.min()))
        if not real:
            stored = stored * np.exp(-0.03 * (loss - loss.min()))
        k = np.fft.fftfreq(EDGE, SAMPLING)
        k2 = k[:, None] ** 2 + k**2
        spectrum = np.exp(-((k2 / 0.6) ** 2)) * np.exp(1j * np.pi * WAVELENGTH * 20 * k2)
        ramps = [spectrum * (k[:, None] + 0.3) ** (m % 2) * (k - 0.2) ** (m // 2) for m in range(modes)]
        probe = np.stack([np.fft.ifft2(ramp) for ramp in ramps])
        probe *= 30 / np.linalg.norm(probe) * np.exp(0.7j)
        return cls(stored, probe, random.integers(1, 13, (6, 2)), random.uniform(-0.4, 0.4, (6, 2)))

    @property
    def centred(self) -> np.ndarray:
        """The probe in the middle of its window."""
        return np.fft.fftshift(self.probe, axes=(-2, -1))


def far_fields(case: Case, propagate: np.ndarray, probe: np.ndarray, unitary: bool) -> np.ndarray:
    """Return |far field|² (position, state, mode, ky, kx), zero angle in the corner.

    `propagate` (y, x) from slice to slice, zero frequency in the corner; windows begin at whole corners, the
    probe is moved by the shifts.
    """
    edge = probe.shape[-1]
    k = np.fft.fftfreq(edge)
    found = []
    for (top, left), (dy, dx) in zip(case.corners, case.shifts, strict=True):
        moved = np.fft.ifft2(np.fft.fft2(probe) * np.exp(-2j * np.pi * (k[:, None] * dy + k * dx)))
        rows, columns = np.arange(top, top + edge), np.arange(left, left + edge)
        patches = case.object.take(rows, axis=2, mode="wrap").take(columns, axis=3, mode="wrap")
        waves = moved[None] * patches[:, 0][:, None]
        for index in range(1, patches.shape[1]):
            waves = np.fft.ifft2(np.fft.fft2(waves) * propagate) * patches[:, index][:, None]
        far = np.fft.fft2(waves, norm="ortho" if unitary else "backward")
        found.append(np.abs(far) ** 2)
    return np.array(found)


def fresnel() -> np.ndarray:
    k = np.fft.fftfreq(EDGE, SAMPLING)
    return np.exp(-1j * np.pi * WAVELENGTH * SPACING * (k[:, None] ** 2 + k**2))


def pypty(path: Path, case: Case) -> np.ndarray:
    """Unscaled transform, mean over states and modes (objective.py); y is flipped in the export."""
    stored = case.object.transpose(2, 3, 1, 0)  # y, x, slice, state
    probe = case.centred.transpose(1, 2, 0)  # y, x, mode
    positions = (case.corners + case.shifts) * SAMPLING
    with h5py.File(path, "w") as file:
        entry = file.create_group("entry")
        entry["object/data"] = stored[::-1].transpose(3, 2, 0, 1)
        entry["object/z"] = np.arange(stored.shape[2]) * SPACING
        entry["object/y"] = np.arange(stored.shape[0]) * SAMPLING
        entry["object/x"] = np.arange(stored.shape[1]) * SAMPLING
        entry["instrument/probe/data"] = probe[::-1].transpose(2, 0, 1)
        entry["instrument/scan/positions"] = positions
        entry["reconstruction/software"] = "PyPty"
        entry["reconstruction/reconstruction parameters/acc_voltage"] = ENERGY / 1e3
        entry["reconstruction/reconstruction parameters/slice_distances"] = np.array([SPACING])
    return far_fields(case, fresnel(), case.centred, unitary=False).mean(axis=(1, 2))


def ptyrad(path: Path, case: Case) -> np.ndarray:
    """Unitary transform, sum weighted by occupancy (core/forward.py); exact propagator half a pixel off."""
    states = len(case.object)
    occupancy = (
        np.full(states, 1 / states) if states == 1 else np.array([0.6, *[0.4 / (states - 1)] * (states - 1)])
    )
    k = 2 * np.pi * (np.arange(-EDGE // 2, EDGE // 2) + 0.5) / EDGE / SAMPLING
    whole = 2 * np.pi / WAVELENGTH
    exact = np.fft.ifftshift(np.exp(1j * SPACING * np.sqrt(whole**2 - k[:, None] ** 2 - k**2)))
    q = 2 * np.pi * np.fft.fftfreq(EDGE, SAMPLING)
    lean = np.tan(TILTS[0] * 1e-3)
    tilted = exact * np.exp(1j * SPACING * (q[:, None] * lean[0] + q * lean[1]))
    with h5py.File(path, "w") as file:
        tensors = file.create_group("optimizable_tensors")
        tensors["obja"], tensors["objp"] = np.abs(case.object), np.angle(case.object)
        tensors["probe"] = case.centred
        tensors["probe_pos_shifts"] = case.shifts
        tensors["obj_tilts"] = TILTS
        tensors["slice_thickness"] = np.float32(SPACING)
        facts = file.create_group("model_attributes")
        facts["omode_occu"], facts["crop_pos"] = occupancy, case.corners.astype(np.int32)
        facts["H"], facts["dx"], facts["lambd"] = exact, np.float32(SAMPLING), WAVELENGTH
        facts["slice_thickness"] = np.float32(SPACING)
        file["ptyrad_version"] = "0.1.0"
    found = far_fields(case, tilted, case.centred, unitary=True)
    return (found.sum(axis=2) * occupancy[:, None, None]).sum(axis=1)


def phaser(path: Path, case: Case) -> np.ndarray:
    """Unitary transform, sum over modes; windows centred between pixels (utils/object.py), in Å."""
    corner = np.array([-3.3, 1.7])
    scan = corner + (case.corners + case.shifts + (EDGE - 1) / 2) * SAMPLING
    with h5py.File(path, "w") as file:
        file["type"], file["version"], file["wavelength"] = "phaser_state", "0.1", WAVELENGTH
        file["probe/data"] = case.centred
        file["probe/sampling"] = np.full(2, SAMPLING)
        file["probe/extent"] = np.full(2, SAMPLING * EDGE)
        file["object/data"] = case.object[0]
        file["object/thicknesses"] = np.full(case.object.shape[1], SPACING)
        file["object/sampling"] = np.full(2, SAMPLING)
        file["object/corner"] = corner
        file["scan"] = scan.reshape(*SCAN, 2)
    return far_fields(case, fresnel(), case.centred, unitary=True).sum(axis=(1, 2))


def py4dstem(path: Path, case: Case, kind: str = "complex") -> np.ndarray:
    """Unscaled transform, probe on the corner, windows that wrap around (phase_base_class.py)."""
    stored = np.angle(case.object[0]) if kind == "potential" else case.object[0]
    with h5py.File(path, "w") as file:
        group = file.create_group("reconstruction_root/ptychographic_reconstruction")
        group.attrs["emd_group_type"] = "custom"
        group["_object_emd/data"] = stored if len(stored) > 1 else stored[0]
        group["_probe_emd/data"] = case.probe if len(case.probe) > 1 else case.probe[0]
        about = group.create_group("metadatabundle/instantiation_metadata")
        about["energy"], about["object_type"] = ENERGY, kind.encode()
        about["slice_thicknesses"] = np.full(len(stored) - 1, SPACING)
        made = group.create_group("metadatabundle/preprocess_metadata")
        made["positions_px"] = case.corners + case.shifts + EDGE // 2
        made["sampling"] = np.full(2, SAMPLING)
    return far_fields(case, fresnel(), case.centred, unitary=False).sum(axis=(1, 2))


def quantem(path: Path, case: Case) -> np.ndarray:
    """Unitary transform, probe on the corner, windows that wrap around (ptychography_base.py)."""
    arrays = {
        "obj": case.object[0],
        "probe": case.probe,
        "scan_positions_px": case.corners + case.shifts + EDGE // 2,
        "sampling": np.full(2, SAMPLING),
        "slice_thicknesses": np.full(case.object.shape[1] - 1, SPACING),
        "energy": np.array(ENERGY),
    }
    with path.open("wb") as handle:
        np.savez(handle, **arrays)
    return far_fields(case, fresnel(), case.centred, unitary=True).sum(axis=(1, 2))


WRITERS: dict[str, Callable[[Path, Case], np.ndarray]] = {
    "pypty": pypty,
    "PtyRAD": ptyrad,
    "phaser": phaser,
    "py4DSTEM": py4dstem,
    "quantem": quantem,
}
ONE_STATE = {"phaser", "py4DSTEM", "quantem"}
