"""What a reconstruction has found: complete at every iteration, saved and loaded without pickles."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho._array import asnumpy
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.objects import states as object_states
from napari_mixedptycho.engine.unknowns import CLASSES
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.geometry import Geometry, scan_corners
from napari_mixedptycho.new_hdf5 import new_hdf5
from napari_mixedptycho.recipe import Recipe

FORMAT = "napari-mixedptycho result"
"""Attribute ``format`` of every result file."""
_VERSION = 1


def versions() -> dict[str, str]:
    """Return the versions of what computed a result."""
    found = {"python": platform.python_version()}
    for name in ("napari-mixedptycho", "numpy", "scipy", "h5py"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "unknown"
    return found


@dataclass(frozen=True)
class History:
    """One entry per iteration.

    Attributes
    ----------
    loss
        Dimensionless; comparable within a stage.
    seconds, evaluations
        Wall time, and cost in evaluations of all patterns.
    separation
        Mean standard deviation between states ÷ mean absolute phase.
    stage
        Number of the stage, from 0.
    held_out
        Loss of the patterns that were left out; NaN where there are none.
    largest_state, largest_slice, apart, nearest, largest_mode, power, texture
        Signs of health (`engine.health.Health`); NaN in files of versions that did not know them.
    motion
        How far the atoms move over the states, rms per axis, Å, to some 15 % (`engine.spread`); NaN of free
        states and of one.
    """

    loss: tuple[float, ...] = ()
    seconds: tuple[float, ...] = ()
    evaluations: tuple[float, ...] = ()
    separation: tuple[float, ...] = ()
    stage: tuple[int, ...] = ()
    held_out: tuple[float, ...] = ()
    largest_state: tuple[float, ...] = ()
    largest_slice: tuple[float, ...] = ()
    apart: tuple[float, ...] = ()
    nearest: tuple[float, ...] = ()
    largest_mode: tuple[float, ...] = ()
    power: tuple[float, ...] = ()
    texture: tuple[float, ...] = ()
    motion: tuple[float, ...] = ()

    def __len__(self) -> int:
        """Return how many iterations are behind us."""
        return len(self.loss)

    def __setstate__(self, columns: dict[str, tuple[float, ...]]) -> None:
        """Take over what comes from another process: equal histories compare equal there, too."""
        vars(self).update({name: tuple(map(_one_nan, column)) for name, column in columns.items()})

    @property
    def motion_drift(self) -> float | None:
        """How much `motion` still changed in the last quarter of its iterations, Å; None where not known."""
        known = [value for value in self.motion if not math.isnan(value)]
        return known[-1] - known[-1 - len(known) // 4] if len(known) >= 4 else None

    def add(self, **entry: float) -> History:
        """Return a history with one more entry; signs that are not given are NaN."""
        known = dict.fromkeys(_SIGNS, math.nan) | {key: _one_nan(value) for key, value in entry.items()}
        return History(**{f.name: (*getattr(self, f.name), known[f.name]) for f in fields(self)})


_SIGNS = tuple(entry.name for entry in fields(History))[5:]
"""What a history may lack."""


def _one_nan(value: float) -> float:
    """Return the value; NaN always as the same object, so that equal histories compare equal."""
    return math.nan if math.isnan(value) else value


@dataclass(frozen=True)
class Result:
    """An estimate with all that is needed to understand, save and continue it.

    Attributes
    ----------
    recipe
        What was asked for.
    estimate
        Object (state, slice, y, x), probe (mode, y, x), positions (position, 2); on the host.
    geometry
        Sampling (Å), origin (Å) and slice spacing (Å) of the object grid.
    history
        One entry per iteration.
    name, data_hash, scan_shape
        Which data.
    memory
        The solver's memory as named arrays (by reference), so that a continued run is the same run.
    versions
        Of the software.
    forgotten
        Settings of the version that wrote the file that this one cannot take; the recipe is without them, and
        such a result cannot be resumed.
    notes
        What was done to the patterns before, each a sentence.
    """

    recipe: Recipe
    estimate: Estimate
    geometry: Geometry
    history: History
    name: str
    data_hash: str
    scan_shape: tuple[int, int]
    memory: Mapping[str, Any] = field(default_factory=dict, repr=False)
    versions: Mapping[str, str] = field(default_factory=versions)
    forgotten: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def sampling(self) -> float:
        """Å per object pixel."""
        return self.geometry.sampling

    @property
    def origin(self) -> tuple[float, float]:
        """Position (y, x) of object pixel (0, 0) in the scan frame, Å."""
        return self.geometry.origin

    @property
    def slice_spacing(self) -> float:
        """Å."""
        return self.geometry.slice_spacing

    @property
    def scan_step(self) -> float | None:
        """Å between the scan points that were used; None: not stated."""
        step = self.recipe.microscope.scan_step
        return None if step is None else step * self.recipe.data.scan_every

    @property
    def scan_extent(self) -> tuple[float, float]:
        """Height and width of the upright box around the scanned field, Å."""
        (top, left), (bottom, right) = self.scan_box
        return bottom - top, right - left

    @property
    def scan_box(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Upper left and lower right corner (y, x) of the box around the scanned field, Å.

        From the first scan point along the object's axes: (0, 0) is its upper left unless the scan is turned.
        """
        low, high = self.scan_corners.min(axis=0), self.scan_corners.max(axis=0)
        return (float(low[0]), float(low[1])), (float(high[0]), float(high[1]))

    @property
    def scan_corners(self) -> NDArray[np.float64]:
        """Corners (4, 2) of the scanned field in turn, y, x in Å from the first scan point."""
        step = self.scan_step
        assert step is not None  # a result's recipe states the data's numbers
        return scan_corners(self.scan_shape, step, self.recipe.microscope.scan_rotation or 0.0)

    @property
    def complete(self) -> bool:
        """Whether all iterations of the recipe are done."""
        done = self.history.stage.count
        return all(done(index) >= stage.iterations for index, stage in enumerate(self.recipe.stages))

    @property
    def instrument(self) -> tuple[str, ...]:
        """What was found of the instrument and the specimen's setting, in words: tilt, source size, ..."""
        values = {entry.name: getattr(self.estimate, entry.name) for entry in fields(self.estimate)}
        texts = [CLASSES[name]().describe(value) for name, value in values.items() if value is not None]
        return tuple(text for text in texts if text is not None)

    def phase(self) -> NDArray[np.float32]:
        """Return the phase (state, slice, y, x), rad."""
        states = self.states
        phases: NDArray[np.float32] = np.angle(states) if states.dtype.kind == "c" else states
        return phases

    def amplitude(self) -> NDArray[np.float32]:
        """Return the modulus of the transmission (state, slice, y, x)."""
        states = self.states
        modulus: NDArray[np.float32] = np.abs(states) if states.dtype.kind == "c" else np.ones_like(states)
        return modulus

    @cached_property
    def states(self) -> NDArray[Any]:
        """The object (state, slice, y, x) as the waves see it: a phase, rad, or a complex transmission."""
        found: NDArray[Any] = object_states(self.estimate)
        return found

    def projected_phase(self) -> NDArray[np.float32]:
        """Return the phase of each state, summed over slices: (state, y, x), rad."""
        projected: NDArray[np.float32] = self.phase().sum(axis=1)
        return projected

    def mean_phase(self) -> NDArray[np.float32]:
        """Return the projected phase, mean over states: (y, x), rad."""
        mean: NDArray[np.float32] = self.projected_phase().mean(axis=0)
        return mean

    def state_spread(self) -> NDArray[np.float32]:
        """Return the map of motion: sd over states of the projected phase, (y, x), rad."""
        spread: NDArray[np.float32] = self.projected_phase().std(axis=0)
        return spread

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an HDF5 file; an earlier file is replaced only by a complete one.

        Raises
        ------
        OSError
            When the disk is full or the folder cannot be written; an earlier file is then untouched.
        """
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        try:
            new_hdf5(part, self._write)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def _write(self, file: h5py.File) -> None:
        file.attrs.update(format=FORMAT, format_version=_VERSION, name=self.name, data_hash=self.data_hash)
        file.attrs["scan_shape"] = self.scan_shape
        file["recipe.toml"] = self.recipe.to_toml()
        file.attrs["forgotten"] = list(self.forgotten)
        for entry in fields(self.estimate):
            array = getattr(self.estimate, entry.name)
            if array is not None:
                file[f"estimate/{entry.name}"] = array
        for entry in fields(self.geometry):
            file.require_group("geometry").attrs[entry.name] = getattr(self.geometry, entry.name)
        for entry in fields(self.history):
            kind = np.int64 if entry.name == "stage" else np.float64
            file[f"history/{entry.name}"] = np.asarray(getattr(self.history, entry.name), dtype=kind)
        file.require_group("versions").attrs.update(self.versions)
        file.attrs["notes"] = "\n".join(self.notes)
        for key, value in self.memory.items():
            file[f"memory/{key}"] = asnumpy(value)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Result:
        """Read a file written by `save`.

        Raises
        ------
        InputError
            When the file is missing, is not a result, or is damaged.
        """
        path = Path(path)
        if not path.is_file():
            raise InputError(f"{path}: there is no such file.")
        try:
            with h5py.File(path, "r") as file:
                if file.attrs.get("format") != FORMAT:
                    raise InputError(f"{path}: this HDF5 file is not a result of napari-mixedptycho.")
                if file.attrs["format_version"] > _VERSION:
                    raise InputError(f"{path}: a newer version wrote this result; update the program.")
                return cls._read(file, str(path))
        except InputError:
            raise
        except (OSError, RuntimeError, LookupError, TypeError, ValueError, AttributeError) as error:
            reason = " ".join(str(error).split()).strip("'\"").rstrip(".")
            raise InputError(f"{path}: the result cannot be read ({reason}).") from None

    @classmethod
    def _read(cls, file: h5py.File, where: str) -> Result:
        estimate = Estimate(**{name: array[()] for name, array in file["estimate"].items()})
        place = file["geometry"].attrs
        geometry = Geometry(
            int(place["size"]),
            float(place["sampling"]),
            (int(place["shape"][0]), int(place["shape"][1])),
            (float(place["origin"][0]), float(place["origin"][1])),
            float(place["slice_spacing"]),
        )
        history = _read_history(file["history"])
        lengths = {len(getattr(history, entry.name)) for entry in fields(history)}
        if estimate.object.ndim != 4 or estimate.probe.ndim != 3 or len(lengths) != 1:
            raise ValueError("arrays of the wrong shape")
        memory: dict[str, Any] = {}
        if "memory" in file:
            file["memory"].visititems(
                lambda key, node: memory.update({key: node[()]}) if hasattr(node, "shape") else None
            )
        recipe, forgotten = Recipe.recalled(file["recipe.toml"].asstr()[()], where)
        return cls(
            recipe,
            estimate,
            geometry,
            history,
            str(file.attrs["name"]),
            str(file.attrs["data_hash"]),
            (int(file.attrs["scan_shape"][0]), int(file.attrs["scan_shape"][1])),
            memory,
            {key: str(value) for key, value in file["versions"].attrs.items()},
            (*(str(name) for name in file.attrs.get("forgotten", ())), *forgotten),
            tuple(str(file.attrs.get("notes", "")).splitlines()),
        )

    def replace(self, **changes: Any) -> Result:
        """Return a copy with some fields changed."""
        return replace(self, **changes)


def _read_history(group: h5py.Group) -> History:
    """Read a history; signs that the file does not know are NaN."""
    length = len(group["loss"])
    columns: dict[str, Any] = {}
    for entry in fields(History):
        known = entry.name in group or entry.name not in _SIGNS
        values = group[entry.name][()].tolist() if known else [math.nan] * length
        columns[entry.name] = tuple(_one_nan(value) for value in values)
    return History(**columns)
