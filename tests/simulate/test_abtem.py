"""The same atoms by abTEM itself, where it is installed (GPL-3, so never required)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_mixedptycho.simulate import SimulationSettings, open_structure, prepare_simulation

RINGS = ((0.0, 27.0), (34.0, 60.0), (60.0, 95.0))
"""mrad; none has an end at the edge of the aperture, where a pixel counts for one or the other."""
CHANGES = (
    "device=cpu",
    "threads=1",
    "beam.dose=none",
    "beam.defocus=40.0",
    "scan.shape=[2, 2]",
    "detector.size=96",
    "detector.max_angle=100.0",
    "specimen.motion.kind=still",
    "specimen.thickness=16",
    "accuracy.pixel=0.05",
)
EDGE = 40.0


def test_rings_hold_what_abtem_finds_in_them() -> None:
    """Silicon, 16 Å: measured with abTEM 1.0.11, bright and dark field differ by 0.1 to 2.4 %."""
    abtem: Any = pytest.importorskip("abtem", reason="abTEM is not installed")
    ase: Any = pytest.importorskip("ase")
    settings = SimulationSettings()
    for change in CHANGES:
        settings = settings.with_set(change)
    made = prepare_simulation(settings, open_structure("silicon"))
    data, specimen = made.dataset, made.specimen
    patterns = made.patterns().astype(float).reshape(-1, 96, 96)
    angle = (np.arange(96) - 48) * data.detector_sampling * data.wavelength * 1e3
    radius = np.hypot(angle[:, None], angle)
    ours = [patterns[:, (radius >= low) & (radius < high)].sum(axis=1) for low, high in RINGS]

    first = EDGE / 2 - data.scan_step
    places = specimen.snapshots[0][:, [1, 0, 2]] + [first, first, 0.0]
    inside = ((places[:, :2] >= 0) & (places[:, :2] < EDGE)).all(axis=1)
    cell = (EDGE, EDGE, specimen.thickness)
    atoms = ase.Atoms(list(specimen.symbols[inside]), positions=places[inside], cell=cell)
    potential = abtem.Potential(
        atoms,
        sampling=0.04,  # abTEM spreads an atom over four pixels
        slice_thickness=specimen.thickness / specimen.slice_count,
        parametrization="lobato",
        projection="infinite",
        periodic=False,
        box=cell,
    )
    probe = abtem.Probe(energy=data.energy, semiangle_cutoff=data.semiangle, defocus=data.defocus, soft=False)
    points = first + data.scan_step * np.array([[0, 0], [1, 0], [0, 1], [1, 1]])  # x, y
    detectors = [abtem.AnnularDetector(inner=low, outer=high) for low, high in RINGS]
    found = probe.scan(potential, scan=abtem.CustomScan(points), detectors=detectors)
    theirs = [np.asarray(ring.compute(progress_bar=False).array) for ring in found]
    np.testing.assert_allclose(ours, theirs, rtol=0.04)
