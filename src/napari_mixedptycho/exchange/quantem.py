"""Results of quantem: an ``.npz`` file of its public arrays.

quantem saves its models as pickles inside Zarr (src/quantem/core/io/serialize.py,
github.com/electronmicroscopy/quantem, commit 3e40c9d: modules and tensors go through ``torch.save``), which
are not read. What it shows to its users can be written with NumPy alone, in the words of `EXPORT`. Forward
model: src/quantem/diffractive_imaging/ptychography_base.py (02e3a77) and dataset_models.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.exchange.imported import Imported, one_sampling, spacing_of, unwrapped

NAME = "quantem"
EXPORT = (
    "np.savez('result.npz', obj=ptycho.obj, probe=ptycho.probe, "
    "scan_positions_px=ptycho.dset.scan_positions_px.detach().cpu().numpy(), sampling=ptycho.sampling, "
    "slice_thicknesses=ptycho.slice_thicknesses, energy=ptycho.probe_model.probe_params['energy'])"
)
"""What writes a reconstruction so that it can be read: quantem's names, no pickle."""
_NEEDED = {"obj", "probe", "sampling"}


def recognise(names: set[str]) -> bool:
    """Tell from the names of its arrays whether a file is quantem's."""
    return names >= _NEEDED


def read(arrays: dict[str, NDArray[Any]]) -> Imported:
    """Read object, probe and places.

    The probe is centred on the corner and moves to ``n // 2``; the transform is unitary; windows may wrap
    around the object, which is made larger. A real object is the phase. Signs are ours.
    """
    stored, probe = arrays["obj"], arrays["probe"]
    if stored.dtype.kind != "c":
        stored = np.exp(1j * stored)
    stored = stored.reshape(-1, *stored.shape[-2:])
    probe = np.fft.fftshift(probe.reshape(-1, *probe.shape[-2:]), axes=(-2, -1))
    places = None
    if "scan_positions_px" in arrays:
        places = arrays["scan_positions_px"].reshape(-1, 2).astype(np.float64)
        stored, places = unwrapped(stored, places, probe.shape[-1])
    energy = arrays.get("energy", np.empty(0)).ravel()
    return Imported(
        NAME,
        stored[None].astype(np.complex64),
        probe.astype(np.complex64),
        places,
        one_sampling(NAME, np.atleast_1d(arrays["sampling"])[-2:]),
        spacing_of(arrays.get("slice_thicknesses", np.empty(0))),
        float(energy[0]) if energy.size == 1 and energy.dtype.kind in "uif" else None,
    )
