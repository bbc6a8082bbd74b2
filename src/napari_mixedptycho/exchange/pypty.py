"""Results of pypty: the NeXus file that ``pypty.utils.convert_to_nxs`` writes.

pypty itself keeps ``co.npy``, ``cp.npy`` and ``cg.npy`` beside a pickle with every number; only the NeXus
file can be read safely. Layout: ``convert_to_nxs`` (github.com/Anton-Gladyshev/pypty, nexus.py, commit
1a6ae87, and pypty/utils.py). Forward model: pypty/objective.py (10d6585) and pypty/multislice_core.py
(261bdbb).
"""

from __future__ import annotations

import h5py
import numpy as np

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.exchange.imported import Imported, array, number, one_sampling, spacing_of, text

NAME = "pypty"
EXPORT = "pypty.utils.convert_to_nxs(folder, 'result.nxs')"
"""What turns pypty's own files into one that can be read."""
_NUMBERS = "entry/reconstruction/reconstruction parameters"


def recognise(file: h5py.File) -> bool:
    """Tell whether pypty wrote this."""
    return text(file, "entry/reconstruction/software").lower() == "pypty"


def read(file: h5py.File) -> Imported:
    """Read object, probe and places.

    The export turns y of object and probe upside down, but not that of the places: it is turned back. A
    place is the corner of the window, Å. Signs and centring of the probe are ours. The far field is an
    unscaled transform (our unitary one × edge), and intensities are *averaged* over states and probe
    modes: the probe is multiplied by edge/√(states·modes).
    """
    entry = file["entry"]
    stored = array(entry, "object/data")[..., ::-1, :]
    probe = array(entry, "instrument/probe/data")
    if probe.ndim != 3:
        raise InputError(
            f"the {NAME} file holds a probe of its own for groups of patterns (shape {probe.shape}); one "
            "probe for all of them is needed."
        )
    probe = probe[:, ::-1, :]
    pixel = np.array([_step(entry, "object/y"), _step(entry, "object/x")])
    places = array(entry, "instrument/scan/positions")[:, :2] / pixel + probe.shape[-1] // 2
    factor = probe.shape[-1] / np.sqrt(len(stored) * len(probe))
    settings = file.get(_NUMBERS)
    voltage = None if settings is None else number(settings, "acc_voltage")
    spacing = _spacing(entry, settings)
    return Imported(
        NAME,
        stored.astype(np.complex64),
        (probe * factor).astype(np.complex64),
        places,
        one_sampling(NAME, pixel),
        spacing,
        None if voltage is None else 1e3 * voltage,
    )


def _step(entry: h5py.Group, key: str) -> float:
    """Return the step of an axis, Å."""
    values = array(entry, key)
    if len(values) < 2:
        raise KeyError(f"'{key}' has one entry")
    return float(values[1] - values[0])


def _spacing(entry: h5py.Group, settings: h5py.Group | None) -> float | None:
    """Return the distance of slices, Å, from the axis or else from pypty's settings."""
    depths = array(entry, "object/z")
    if len(depths) > 1:
        return spacing_of(np.diff(depths))
    return (
        spacing_of(array(settings, "slice_distances")) if settings and "slice_distances" in settings else None
    )
