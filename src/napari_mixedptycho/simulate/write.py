"""A simulation into a file of ours, block after block."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io.own import ATTRIBUTES, FORMAT, TRUTH, new_patterns
from napari_mixedptycho.new_hdf5 import growing_hdf5
from napari_mixedptycho.simulate.elements import element
from napari_mixedptycho.simulate.patterns import Simulation


def write_simulation(simulation: Simulation, path: Path) -> Iterator[tuple[int, float]]:
    """Compute all patterns and write them with the microscope's numbers and the truth.

    Parameters
    ----------
    simulation
        What to compute.
    path
        The new file; it appears under its name when it is complete.

    Yields
    ------
    tuple
        Rows that are written, and the mean of what their patterns add up to.

    Raises
    ------
    InputError
        When the file cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        with growing_hdf5(part) as do:
            data = do(lambda file: _begun(file, simulation))
            columns = simulation.dataset.scan_shape[1]
            done, total = 0, 0.0
            for block in simulation.blocks():
                do(partial(_put, data, done, block))
                done += len(block)
                total += float(block.sum(dtype=np.float64))
                yield done, total / (done * columns)
        os.replace(part, path)
    except OSError as error:
        raise InputError(f"{path}: the file cannot be written ({error.strerror or error}).") from None
    finally:
        part.unlink(missing_ok=True)


def _put(data: h5py.Dataset, first: int, block: NDArray[Any], _file: h5py.File) -> None:
    data[first : first + len(block)] = block


def _begun(file: h5py.File, simulation: Simulation) -> h5py.Dataset:
    """Write all but the patterns; return where they go."""
    dataset, truth = simulation.dataset, simulation.dataset.truth
    assert truth is not None  # of a simulation it always is
    file.attrs["format"] = FORMAT
    file.attrs["simulation"] = simulation.settings.to_toml()
    file.attrs["structure"] = dataset.name
    data = new_patterns(file, "data", dataset.patterns.shape, dataset.patterns.dtype)
    for name, attribute in ATTRIBUTES.items():
        value = getattr(dataset, name)
        if value is not None:
            data.attrs[attribute] = float(value)
    for name, key in TRUTH.items():
        value = getattr(truth, name)
        file[f"truth/{key}"] = value.astype(np.float32) if value.dtype.kind == "f" else value
    symbols = simulation.specimen.symbols[simulation.told]
    file["truth/atomic_numbers"] = np.array([element(str(symbol)).number for symbol in symbols], np.int64)
    file["truth"].attrs["frame"] = (
        "Angstrom; origin = first scan position, along the scan's axes; columns (y,x); atoms (y,x,z), z "
        "along the beam"
    )
    return data
