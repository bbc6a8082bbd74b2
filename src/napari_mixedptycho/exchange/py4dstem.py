"""Results of py4DSTEM: an EMD file with a ptychographic reconstruction.

Layout: py4DSTEM/process/phase/phase_base_class.py, ``PtychographicReconstruction.to_h5``
(github.com/py4dstem/py4DSTEM, commit 108fd5f), and emdfile's ``Metadata.to_h5`` (github.com/py4dstem/emdfile,
commit 02ee5a8). Forward model: py4DSTEM/process/phase/ptychographic_methods.py (0a4ecf5).
"""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.exchange.imported import (
    Imported,
    array,
    number,
    one_sampling,
    spacing_of,
    text,
    unwrapped,
)

NAME = "py4DSTEM"


def recognise(file: h5py.File) -> bool:
    """Tell whether py4DSTEM wrote a reconstruction into this."""
    return _reconstruction(file) is not None


def read(file: h5py.File) -> Imported:
    """Read object, probe and places.

    py4DSTEM's x runs along rows and y along columns, so that its (x, y) is our (y, x). The probe is centred
    on the corner and moves to ``n // 2``; the far field is an unscaled transform (our unitary one × edge);
    windows may wrap around the object, which is made larger. A ``potential`` is the phase. Signs are ours.
    """
    group = _reconstruction(file)
    assert group is not None
    about, made = _metadata(group, "instantiation_metadata"), _metadata(group, "preprocess_metadata")
    stored, probe = array(group["_object_emd"], "data"), array(group["_probe_emd"], "data")
    if stored.ndim > 3 or probe.ndim > 3:
        raise InputError(f"the {NAME} file holds a tomogram or several objects; one object is needed.")
    if text(about, "object_type") == "potential" or stored.dtype.kind != "c":
        stored = np.exp(1j * stored)
    stored = stored.reshape(-1, *stored.shape[-2:])
    probe = np.fft.fftshift(probe.reshape(-1, *probe.shape[-2:]), axes=(-2, -1))
    size = probe.shape[-1]
    places = array(made, "positions_px").reshape(-1, 2).astype(np.float64)
    stored, places = unwrapped(stored, places, size)
    return Imported(
        NAME,
        stored[None].astype(np.complex64),
        (probe * size).astype(np.complex64),
        places,
        one_sampling(NAME, _values(made, "sampling")),
        spacing_of(_values(about, "slice_thicknesses")) if "slice_thicknesses" in about else None,
        number(about, "energy"),
    )


def _reconstruction(file: h5py.File) -> h5py.Group | None:
    """Return the first group that holds an object and a probe."""
    found: list[h5py.Group] = []

    def look(_: str, node: Any) -> bool | None:
        if isinstance(node, h5py.Group) and {"_object_emd", "_probe_emd"} <= set(node):
            found.append(node)
            return True
        return None

    file.visititems(look)
    return found[0] if found else None


def _metadata(group: h5py.Group, name: str) -> h5py.Group:
    """Return a group of metadata; `KeyError` where it is missing."""
    bundle = group.get("metadatabundle", group)
    return bundle[name]


def _values(group: h5py.Group, key: str) -> Any:
    """Return numbers that are stored as one array, or one by one in a group."""
    node = group[key]
    if isinstance(node, h5py.Group):
        return [np.asarray(node[name][()]).ravel()[0] for name in sorted(node, key=int)]
    value = np.asarray(node[()])
    return value if value.dtype.kind in "uif" else np.empty(0)
