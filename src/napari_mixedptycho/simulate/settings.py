"""What may be wished of a simulation: specimen, beam, scan, detector, accuracy."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from napari_mixedptycho.optics import ABERRATIONS, wavelength
from napari_mixedptycho.settings import Settings
from napari_mixedptycho.simulate.motion import Einstein, Motion


class Specimen(Settings):
    """The crystal, and how it moves."""

    thickness: float = Field(
        8.0,
        gt=0,
        le=2000,
        description="About how thick, Å: as many cells along the beam as come nearest. Single layers and "
        "structures that are not periodic along the beam keep their own.",
    )
    rotation: float = Field(
        0.0,
        ge=-360,
        le=360,
        description="Degrees by which the crystal is turned about the beam, x towards y.",
    )
    missing: tuple[tuple[float, float], ...] = Field(
        (), description="Columns that are left out (vacancies): those nearest to these y, x in the scan, Å."
    )
    motion: Motion = Field(
        Einstein(),
        description="still; einstein (u_rms); b_factor; debye (debye_temperature, temperature); frames of a "
        "trajectory.",
    )
    snapshots: int = Field(
        30, ge=1, le=10_000, description="Snapshots of the motion that are averaged; time grows with them."
    )


class Aberrations(Settings):
    """Beside the defocus; a along x (the cosine), b along y (the sine)."""

    c12a: float = Field(0.0, description="Twofold astigmatism, Å.")
    c12b: float = Field(0.0, description="Twofold astigmatism, Å.")
    c21a: float = Field(0.0, description="Coma, Å.")
    c21b: float = Field(0.0, description="Coma, Å.")
    c23a: float = Field(0.0, description="Threefold astigmatism, Å.")
    c23b: float = Field(0.0, description="Threefold astigmatism, Å.")
    c30: float = Field(0.0, description="Spherical aberration, Å (1 mm is 1e7).")

    @property
    def vector(self) -> tuple[float, ...]:
        """(8,): in the order of `optics.ABERRATIONS`; C10 is the defocus and 0 here."""
        return tuple(getattr(self, name.lower(), 0.0) for name in ABERRATIONS)


class Beam(Settings):
    """The electrons."""

    energy: float = Field(60e3, gt=1e3, lt=1e7, description="Electron energy, eV.")
    semiangle: float = Field(30.0, gt=0, lt=500, description="Convergence semi-angle, mrad.")
    defocus: float = Field(
        50.0, ge=-1e5, le=1e5, description="Å; positive: crossover below the entrance surface."
    )
    aberrations: Aberrations = Field(Aberrations(), description="Beside the defocus, Å.")
    source_size: float = Field(
        0.0, ge=0, le=10, description="Gaussian source at the specimen, Å (standard deviation); 0: a point."
    )
    dose: float | None = Field(
        1e6,
        gt=0,
        le=1e12,
        description="Electrons per Å² of scanned area; patterns are counted. Not set: no noise, one electron "
        "spread over each pattern.",
    )
    tilt: tuple[float, float] = Field(
        (0.0, 0.0), description="Mis-tilt along y and x, mrad; columns lean towards + with depth."
    )


class ScanGrid(Settings):
    """Where the beam goes."""

    shape: tuple[int, int] = Field((24, 24), description="Rows and columns.")
    step: float = Field(0.4, gt=0, le=100, description="Between scan points, Å.")
    rotation: float = Field(
        0.0,
        ge=-360,
        le=360,
        description="Scan's x axis from the detector's x axis towards its y axis, degrees.",
    )

    @model_validator(mode="after")
    def _has_points(self) -> ScanGrid:
        if min(self.shape) < 1 or max(self.shape) > 100_000:
            raise ValueError("the scan needs 1 to 100000 rows and columns")
        return self


class DetectorGrid(Settings):
    """What is recorded."""

    size: int = Field(64, ge=8, le=4096, description="Edge of a pattern, px.")
    max_angle: float = Field(
        86.5, gt=0, lt=1000, description="Angle at the edge, mrad; the window of the probe is λ·size/2 ÷ it."
    )
    transpose: bool = Field(False, description="Stored so that data.transpose of a recipe sets it right.")
    flip_y: bool = Field(False, description="The same for data.flip_y.")
    flip_x: bool = Field(False, description="The same for data.flip_x.")
    descan: tuple[float, float, float, float] | None = Field(
        None, description="How the zero angle wanders, as data.descan of a recipe; not set: it stays."
    )


class Accuracy(Settings):
    """How finely it is computed."""

    slice_thickness: float = Field(2.0, gt=0, le=20, description="Largest distance from slice to slice, Å.")
    pixel: float = Field(
        0.12,
        gt=0.01,
        le=1,
        description="Largest pixel of the computed waves, Å; two thirds of its band are used.",
    )
    source_points: Literal[2, 3, 4, 5, 6] = Field(
        4, description="Points per axis that sample a source of finite size; time grows with their square."
    )


class SimulationSettings(Settings):
    """The whole wish."""

    specimen: Specimen = Specimen()
    beam: Beam = Beam()
    scan: ScanGrid = ScanGrid()
    detector: DetectorGrid = DetectorGrid()
    accuracy: Accuracy = Accuracy()
    seed: int = Field(0, ge=0, lt=2**32, description="Of motion and counting noise: the same gives the same.")
    device: str = Field("auto", description="cpu, gpu, gpu:1, or auto: a GPU if there is one.")
    threads: int | None = Field(None, ge=1, le=1024, description="On the CPU; not set: one per core.")

    @property
    def detector_sampling(self) -> float:
        """1/Å per detector pixel."""
        return 2e-3 * self.detector.max_angle / (wavelength(self.beam.energy) * self.detector.size)

    @property
    def electrons(self) -> float | None:
        """Electrons that reach the specimen at a scan point; None: no noise."""
        return None if self.beam.dose is None else self.beam.dose * self.scan.step**2
