"""Results of phaser: an HDF5 file whose dataset ``type`` says ``phaser_state``.

Layout: phaser/utils/io.py, ``hdf5_write_state`` (github.com/hexane360/phaser, commit 06489e6). Windows and
shifts: phaser/utils/object.py (185f9d5); transforms: phaser/utils/num.py; propagator: phaser/utils/optics.py
(2e00c45).
"""

from __future__ import annotations

import h5py
import numpy as np

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.exchange.imported import (
    Imported,
    array,
    energy_of,
    number,
    one_sampling,
    spacing_of,
    text,
)

NAME = "phaser"


def recognise(file: h5py.File) -> bool:
    """Tell whether phaser wrote this."""
    return text(file, "type") == "phaser_state"


def read(file: h5py.File) -> Imported:
    """Read object, probe and scan.

    Signs, transform (unitary) and centring of the probe (``n // 2``) are ours. The object has one state.
    Scan and corner of the object are in Å. A window is centred on the point between its middle pixels, so
    in pixels the centre of the stored probe lies ``n // 2 − (n − 1)/2`` further.
    """
    if "probe" not in file or "object" not in file:
        raise InputError(f"the {NAME} file holds a part of a state only; save object and probe.")
    group, probe = file["object"], array(file["probe"], "data")
    stored, pixel = array(group, "data"), array(group, "sampling")
    sampling = one_sampling(NAME, pixel)
    window = one_sampling(NAME, array(file["probe"], "sampling"))
    if abs(window - sampling) > 1e-3 * sampling:
        raise InputError(
            f"the {NAME} file has a probe of {window:.4g} and an object of {sampling:.4g} Å per pixel; "
            "resample one of them there."
        )
    size = probe.shape[-1]
    places = None
    if "scan" in file:
        scan = array(file, "scan").reshape(-1, 2)
        places = (scan - array(group, "corner")) / pixel + (size // 2 - (size - 1) / 2)
    wavelength = number(file, "wavelength")
    thicknesses = array(group, "thicknesses") if "thicknesses" in group else np.empty(0)
    return Imported(
        NAME,
        stored[None].astype(np.complex64),
        probe.astype(np.complex64),
        places,
        sampling,
        # Behind the last slice nothing is propagated, so its thickness plays no part.
        spacing_of(thicknesses[:-1] if len(stored) > 1 else thicknesses),
        None if wavelength is None else energy_of(wavelength),
    )
