"""Patterns of a specimen, block after block, by the engine's own forward model."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho._array import asnumpy, select
from napari_mixedptycho._device import chosen, cores
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.engine.detector import Detector
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.forward import predict
from napari_mixedptycho.engine.problem import Problem
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.geometry import Geometry, padded_size, scan_points
from napari_mixedptycho.optics import aberration_phases, parametric_probe, propagator
from napari_mixedptycho.orientation import Orientation
from napari_mixedptycho.preprocess import wander, with_descan
from napari_mixedptycho.simulate.potential import Layers, propagation_limit
from napari_mixedptycho.simulate.settings import SimulationSettings
from napari_mixedptycho.simulate.specimen import Specimen, make_specimen
from napari_mixedptycho.simulate.structure import Structure

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]

_BLOCK = 2**26
"""Bytes of expected patterns that are held at once."""
_WAVES = 2**27
"""Bytes of incident waves in work at once, per thread, at most, but for one pattern."""
_OBJECT = 2**27
"""Bytes of the snapshots' transmission that are held at once, at most, but for one snapshot."""
_MARGIN = 3
_BRIGHT = 8.0
"""A pixel of the disk may hold that many times the mean, before counts are stored in four bytes."""


@dataclass(frozen=True)
class _Region:
    """Scan points (point,), the first pixel and the shape of what they see, and their places on it, px."""

    part: NDArray[np.int64]
    corner: NDArray[np.int64]
    shape: tuple[int, int]
    places: Floats


@dataclass(frozen=True)
class Simulation:
    """What is simulated, made ready.

    Attributes
    ----------
    settings, specimen
        As wished.
    dataset
        The microscope's numbers, the truth, and patterns that are blank: of the right shape and dtype.
    geometry
        The grid that waves are computed on.
    told
        (atom,) which atoms the truth holds.
    """

    settings: SimulationSettings
    specimen: Specimen
    dataset: Dataset
    geometry: Geometry
    told: NDArray[np.bool_]

    @property
    def rows_per_block(self) -> int:
        """Scan rows that are computed together."""
        row = self.dataset.scan_shape[1] * self.dataset.detector_size**2 * 4
        return max(1, min(self.dataset.scan_shape[0], _BLOCK // row))

    def blocks(self) -> Iterator[NDArray[Any]]:
        """Yield some scan rows (row, scan_x, ky, kx) at a time, as they are stored.

        Without a dose a pattern adds up to what part of one electron reaches the detector.

        Raises
        ------
        InputError
            When the device cannot be used, or counts exceed what can be stored.
        """
        device = self.settings.device
        with chosen(select(device), device):
            for first in range(0, self.dataset.scan_shape[0], self.rows_per_block):
                last = min(first + self.rows_per_block, self.dataset.scan_shape[0])
                yield self._stored(self.expected(first, last), first)

    def patterns(self) -> NDArray[Any]:
        """Return all patterns in memory, (scan_y, scan_x, ky, kx)."""
        return np.concatenate(list(self.blocks()))

    def expected(self, first: int, last: int) -> NDArray[np.float32]:
        """Return some scan rows without noise and set right, of one electron: (row, scan_x, ky, kx)."""
        region, snapshots = self._region(first, last), self.specimen.snapshots
        size = self.dataset.detector_size
        total = np.zeros((len(region.part), size, size), np.float32)
        held = _OBJECT // (self.specimen.slice_count * int(np.prod(region.shape)) * 8)
        at_once = max(1, min(held, _WAVES // self._probe().nbytes))
        for start in range(0, len(snapshots), at_once):
            waves = [self._slices(atoms, region) for atoms in snapshots[start : start + at_once]]
            total += self._seen(np.stack(waves), region)
        return self._upright(total / np.float32(len(snapshots)))

    def elastic(self, first: int, last: int) -> NDArray[np.float32]:
        """Return the same of the mean object: what is scattered without what the motion scatters."""
        region, snapshots = self._region(first, last), self.specimen.snapshots
        mean = np.mean([self._slices(atoms, region) for atoms in snapshots], axis=0)
        return self._upright(self._seen(mean[None], region))

    def _region(self, first: int, last: int) -> _Region:
        """Return the part of the grid that some scan rows see."""
        columns, size = self.dataset.scan_shape[1], self.geometry.size
        part = np.arange(first * columns, last * columns)
        points = self.geometry.positions(self.dataset)[part]
        corner = np.floor(points.min(axis=0)).astype(np.int64) - size // 2 - _MARGIN
        height, width = np.ceil(points.max(axis=0)).astype(int) - corner + size // 2 + _MARGIN
        return _Region(part, corner, (int(height), int(width)), points - corner)

    def _upright(self, total: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return patterns (position, ky, kx) as scan rows, zero angle in the middle."""
        shifted = np.fft.fftshift(total, axes=(-2, -1))
        return np.asarray(shifted.reshape(-1, self.dataset.scan_shape[1], *total.shape[1:]))

    def _problem(self, count: int, states: int) -> Problem:
        xp, dataset, geometry = select(self.settings.device), self.dataset, self.geometry
        size = geometry.size
        move = propagator(size, geometry.sampling, dataset.energy, geometry.slice_spacing)
        move = move * propagation_limit(size, geometry.sampling)
        waves = 2 * self._probe().nbytes * states
        return Problem(
            measured=np.broadcast_to(np.float32(0), (count, dataset.detector_size, dataset.detector_size)),
            scale=1.0,
            weight=xp.ones((dataset.detector_size,) * 2, xp.float32),
            detector=Detector(dataset.detector_size, size),
            propagator=xp.asarray(move.astype(np.complex64)),
            lanes=(),
            sampling=geometry.sampling,
            spacing=geometry.slice_spacing,
            wavelength=dataset.wavelength,
            chunk=max(1, _WAVES // waves),
        )

    def _slices(self, atoms: Floats, region: _Region) -> NDArray[np.complex64]:
        """Return what each slice of one snapshot does to a wave, (slice, y, x)."""
        specimen, sampling = self.specimen, self.geometry.sampling
        layers = Layers(
            specimen.symbols, specimen.slices, specimen.slice_count, self.dataset.energy, sampling
        )
        origin = self.geometry.to_angstroms(region.corner.astype(np.float64))
        return layers.transmission(atoms[:, :2] - origin, region.shape)

    def _seen(self, waves: NDArray[np.complex64], region: _Region) -> NDArray[np.float32]:
        """Return the patterns (position, ky, kx) of all states (state, slice, y, x) together."""
        tilt, descan = self.settings.beam.tilt, wander(self.dataset)
        estimate = Estimate(
            waves,
            self._probe().astype(np.complex64),
            region.places,
            tilt=np.array([tilt]) if any(tilt) else None,
            descan=None if descan is None else descan[region.part],
        )
        return _seen(self._problem(len(region.part), len(waves)), estimate, self.settings.threads or cores())

    def _probe(self) -> Complexes:
        """Return the incident wave from each point of the source, (point, y, x), together of unit power."""
        beam, geometry = self.settings.beam, self.geometry
        size, sampling = geometry.size, geometry.sampling
        probe = parametric_probe(size, sampling, beam.energy, beam.semiangle, beam.defocus)
        spectrum = np.fft.fft2(np.fft.ifftshift(probe))
        phases = aberration_phases(size, sampling, self.dataset.wavelength)
        spectrum *= np.exp(-1j * np.tensordot(np.array(beam.aberrations.vector), phases, 1))
        points, weights = source_points(beam.source_size, self.settings.accuracy.source_points)
        k = np.fft.fftfreq(size, sampling)
        shift = points[:, 0, None, None] * k[:, None] + points[:, 1, None, None] * k
        spectra = spectrum * np.exp(-2j * np.pi * shift) * np.sqrt(weights)[:, None, None]
        return np.asarray(np.fft.fftshift(np.fft.ifft2(spectra), axes=(-2, -1)))

    def _stored(self, expected: NDArray[np.float32], first: int) -> NDArray[Any]:
        """Return rows as the detector stores them: counted, and lying as it lies."""
        settings, kind = self.settings, self.dataset.patterns.dtype
        rows = np.asarray(expected)
        if settings.electrons is not None:
            # A generator for each row: the same counts, however many rows are computed together.
            counted = [
                np.random.default_rng([settings.seed, 1, first + i]).poisson(row * settings.electrons)
                for i, row in enumerate(rows.astype(np.float64))
            ]
            rows = np.stack(counted)
            if rows.max(initial=0) > np.iinfo(kind).max:
                raise InputError(
                    f"A pixel holds {rows.max():.3g} electrons, too many to store; lower beam.dose."
                )
        wish = settings.detector
        orientation = Orientation(wish.transpose, wish.flip_y, wish.flip_x)
        return np.ascontiguousarray(orientation.undone(rows.astype(kind)))


def source_points(size: float, count: int) -> tuple[Floats, Floats]:
    """Return points (point, 2), Å, and weights of a Gaussian source: Gauss-Hermite, `count` per axis."""
    if size == 0:
        return np.zeros((1, 2)), np.ones(1)
    places, weights = np.polynomial.hermite_e.hermegauss(count)
    weights = weights / weights.sum()
    y, x = np.meshgrid(size * places, size * places, indexing="ij")
    return np.stack([y.ravel(), x.ravel()], axis=1), np.outer(weights, weights).ravel()


def _seen(problem: Problem, estimate: Estimate, threads: int) -> NDArray[np.float32]:
    """Return the patterns (position, ky, kx) of all states together, zero angle in the corner."""
    indices = np.arange(problem.count)
    estimate = estimate.beside(problem.propagator)
    if not isinstance(problem.propagator, np.ndarray) or threads == 1:
        return np.asarray(asnumpy(predict(problem, estimate, indices)))
    with ThreadPoolExecutor(threads) as pool:
        parts = pool.map(lambda p: predict(problem, estimate, p), np.array_split(indices, threads))
        return np.concatenate([part for part in parts if len(part)])


def prepare_simulation(settings: SimulationSettings, structure: Structure) -> Simulation:
    """Make a simulation ready: grid, atoms, truth; no pattern is computed yet.

    Parameters
    ----------
    settings, structure
        What is wished, of what.

    Raises
    ------
    InputError
        When the numbers do not fit together.
    """
    beam, sampling = settings.beam, settings.detector_sampling
    size, electrons = settings.detector.size, settings.electrons
    shape = (*settings.scan.shape, size, size)
    blank = Dataset(
        np.broadcast_to(np.zeros((), _kind(settings)), shape),
        beam.energy,
        beam.semiangle,
        settings.scan.step,
        sampling,
        beam.defocus,
        electrons_per_unit=None if electrons is None else 1.0,
        scan_rotation=settings.scan.rotation,
        name=structure.name,
    )
    blank = with_descan(blank, settings.detector.descan, blank.scan_shape, None)
    _check_probe(blank, settings)
    grid = padded_size(blank, max(1.0, 1 / (size * sampling * settings.accuracy.pixel)))
    points = scan_points(blank)
    reach = np.array([-1.0, 1.0])[:, None] * (0.5 / sampling + 5.0)
    box = np.stack([points.min(axis=0), points.max(axis=0)]) + reach
    middle = (points[0] + points[-1]) / 2
    specimen = make_specimen(structure, settings, box, middle)
    corners = points[[0, blank.scan_shape[1] - 1, -blank.scan_shape[1], -1]]
    truth, told = specimen.truth(corners)
    # The truth of a data set lies along the scan.
    along = truth.turned(-settings.scan.rotation)
    dataset = blank.replace(thickness=specimen.thickness, truth=along)
    return Simulation(settings, specimen, dataset, Geometry.of(dataset, grid, specimen.spacing), told)


def _kind(settings: SimulationSettings) -> type[np.generic]:
    """Return the dtype that patterns are stored in."""
    if settings.electrons is None:
        return np.float32
    disk = np.pi * (settings.beam.semiangle / settings.detector.max_angle * settings.detector.size / 2) ** 2
    return np.uint16 if _BRIGHT * settings.electrons / disk < np.iinfo(np.uint16).max else np.uint32


def _check_probe(dataset: Dataset, settings: SimulationSettings) -> None:
    """Refuse a beam that does not fit on the detector or into its window."""
    if dataset.semiangle >= settings.detector.max_angle:
        raise InputError(
            f"beam.semiangle is {dataset.semiangle:g} mrad and detector.max_angle "
            f"{settings.detector.max_angle:g} mrad; the detector must hold the probe's disk."
        )
    width, window = 2e-3 * abs(dataset.defocus) * dataset.semiangle, 1 / dataset.detector_sampling
    if width > window:
        raise InputError(
            f"At a defocus of {dataset.defocus:g} Å the probe is {width:.0f} Å wide, wider than its window "
            f"of {window:.0f} Å; lower beam.defocus, or detector.max_angle with more pixels."
        )
