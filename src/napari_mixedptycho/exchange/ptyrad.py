"""Results of PtyRAD: ``model_iterNNNN.hdf5`` with a group ``optimizable_tensors``.

Layout: src/ptyrad/io/save.py, ``make_save_dict`` (github.com/chiahao3/ptyrad, commit 3aec3fc). Forward model:
src/ptyrad/core/forward.py (694c08f); windows and shifts: src/ptyrad/core/models/ptycho.py (3aec3fc);
propagator: src/ptyrad/optics/propagator.py (e24a9b7).
"""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import fourier_shift

from napari_mixedptycho.exchange.imported import Imported, array, energy_of, number, one_sampling, spacing_of

NAME = "PtyRAD"


def recognise(file: h5py.File) -> bool:
    """Tell whether PtyRAD wrote this."""
    tensors = file.get("optimizable_tensors")
    return isinstance(tensors, h5py.Group) and {"obja", "objp", "probe"} <= set(tensors)


def read(file: h5py.File) -> Imported:
    """Read object (amplitude and phase apart), probe and places.

    Signs, transform (unitary) and centring of the probe are ours. Intensities are weighted by the occupancy
    of the states: a share that is even goes into the probe, the rest into the first slice. A place is the
    corner of the window, in whole pixels, and a shift of the probe. A tilted propagator becomes a leaning
    object; the exact angular spectrum becomes Fresnel's, which differs by πλ³Δz k⁴/4.
    """
    tensors, facts = file["optimizable_tensors"], file["model_attributes"]
    modulus = array(tensors, "obja")
    stored = modulus * np.exp(1j * array(tensors, "objp"))
    probe = array(tensors, "probe")
    states = len(stored)
    share = array(facts, "omode_occu").ravel() if "omode_occu" in facts else np.full(states, 1 / states)
    stored[:, 0] *= np.sqrt(share * states)[:, None, None]
    places = None
    if "crop_pos" in facts:
        places = array(facts, "crop_pos").astype(np.float64) + probe.shape[-1] // 2
        if "probe_pos_shifts" in tensors:
            places = places + array(tensors, "probe_pos_shifts")
    wavelength = number(facts, "lambd")
    spacing = number(tensors, "slice_thickness") or number(facts, "slice_thickness")
    sampling = one_sampling(NAME, array(facts, "dx"))
    if len(stored[0]) > 1 and spacing is not None:
        stored = _leaning(stored, _drift(tensors, facts, spacing / sampling))
    return Imported(
        NAME,
        stored.astype(np.complex64),
        (probe / np.sqrt(states)).astype(np.complex64),
        places,
        sampling,
        None if spacing is None else spacing_of(spacing),
        None if wavelength is None else energy_of(wavelength),
    )


def _drift(tensors: h5py.Group, facts: h5py.Group, spacing: float) -> NDArray[np.float64]:
    """Return how far (y, x), px, the wave is moved from slice to slice, beyond spreading.

    The stored propagator has its frequencies half a pixel off, which moves the wave by λΔz/2 per window; a
    mis-tilt of the specimen (mrad) is a phase ramp of its own.

    Parameters
    ----------
    tensors, facts
        Groups of the file.
    spacing
        Of slices, px.
    """
    drift = np.zeros(2)
    if "H" in facts:
        move = array(facts, "H").reshape(-1, *facts["H"].shape[-2:])[0]
        # Opposite frequencies differ by the ramp alone: exp(−2πi·k·drift).
        ramps = np.array([move[1, 0] * np.conj(move[-1, 0]), move[0, 1] * np.conj(move[0, -1])])
        drift -= np.angle(ramps) * np.array(move.shape) / (4 * np.pi)
    if "obj_tilts" in tensors:
        drift -= spacing * np.tan(1e-3 * array(tensors, "obj_tilts").reshape(-1, 2).mean(axis=0))
    return drift


def _leaning(stored: NDArray[Any], drift: NDArray[np.float64]) -> NDArray[Any]:
    """Return the object in which each slice is moved back by what the wave was moved up to it."""
    if np.abs(drift).max() * (stored.shape[1] - 1) < 1e-3:
        return stored
    moved = np.array(stored)
    for state, index in np.ndindex(*stored.shape[:2]):
        moved[state, index] = np.fft.ifft2(
            fourier_shift(np.fft.fft2(stored[state, index]), tuple(-index * drift))
        )
    return moved
