"""Specimens whose columns are known, scanned by the engine itself."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.forward import predict
from napari_mixedptycho.optics import parametric_probe
from napari_mixedptycho.prepare import Prepared, prepare
from tests.physics.toys import ENERGY, dataset, recipe


@dataclass(frozen=True)
class Specimen:
    """Gaussian columns in a field of 8 × 8 scan points, one slice unless more are asked for.

    Attributes
    ----------
    columns
        (column, 2): y, x in the scan frame, Å.
    shifts
        (state, 2): displacement of all columns in each state, Å.
    height, width
        Phase of a column, rad, and its Gaussian sigma, Å.
    """

    columns: np.ndarray
    shifts: np.ndarray
    height: float = 0.5
    width: float = 0.35
    slices: int = 1
    step: float = 0.5
    scan: tuple[int, int] = (8, 8)

    def blank(self) -> Dataset:
        """Return a data set with this scan and nothing measured."""
        return dataset(scan=self.scan, size=24, detector_sampling=0.1, scan_step=self.step, defocus=15.0)

    def prepared(self, patterns: np.ndarray | None = None, **sections: dict) -> Prepared:
        """Prepare the (measured or empty) data without padding."""
        data = self.blank()
        if patterns is not None:
            data = data.replace(patterns=patterns, name="toy")
        model = {"padding": 1.0, "slices": self.slices, "states": len(self.shifts)}
        return prepare(recipe(model={**model, **sections.pop("model", {})}, **sections), data)

    def estimate(self, prepared: Prepared) -> Estimate:
        """Return the truth on the object grid."""
        geometry = prepared.geometry
        places = geometry.to_angstroms(np.moveaxis(np.indices(geometry.shape), 0, -1))
        phases = []
        for shift in self.shifts:
            distance = ((places[:, :, None] - self.columns - shift) ** 2).sum(axis=-1)
            phases.append(self.height * np.exp(-distance / (2 * self.width**2)).sum(axis=-1))
        stored = np.repeat(np.stack(phases)[:, None] / self.slices, self.slices, axis=1)
        probe = parametric_probe(geometry.size, geometry.sampling, ENERGY, 30.0, 15.0)
        waves = probe[None] * np.sqrt(1e4 / len(self.shifts))
        return Estimate(
            stored.astype(np.float32), waves.astype(np.complex64), geometry.positions(prepared.dataset)
        )

    def measured(self) -> np.ndarray:
        """Return the patterns (scan_y, scan_x, ky, kx) without noise, electrons."""
        prepared = self.prepared()
        everything = np.arange(prepared.problem.count)
        far = predict(prepared.problem, self.estimate(prepared), everything)
        return np.fft.fftshift(far, axes=(-2, -1)).reshape(*self.scan, *far.shape[1:])

    def still(self) -> Specimen:
        """Return the same specimen with all columns at rest."""
        return replace(self, shifts=np.zeros((1, 2)))


def centroid(image: np.ndarray, centre: np.ndarray, radius: float) -> np.ndarray:
    """Centre of mass (y, x), px, of an image about `centre`, over a round window that follows it."""
    grid = np.moveaxis(np.indices(image.shape), 0, -1)
    place = np.asarray(centre, float)
    for _ in range(10):
        window = 1 / (1 + np.exp(4 * (np.linalg.norm(grid - place, axis=-1) - radius)))
        weight = window * np.clip(image - np.median(image), 0, None)
        place = (weight[..., None] * grid).sum(axis=(0, 1)) / weight.sum()
    return place
