"""Everything a user may wish for, in one document: ``recipe.toml``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field

from napari_mixedptycho.data_settings import Preprocess
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.engine import unknowns
from napari_mixedptycho.engine.objects import ObjectType
from napari_mixedptycho.engine.prior import AtomPrior
from napari_mixedptycho.engine.stage import Stage
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.guess.object import NoiseObject
from napari_mixedptycho.guess.probe import AberrationProbe, Probe
from napari_mixedptycho.guess.states import DisplacedCopies, Spread
from napari_mixedptycho.io import Layout
from napari_mixedptycho.run_settings import Run
from napari_mixedptycho.settings import Settings


class DataFile(Settings):
    """A file of patterns."""

    file: str = Field(
        "sample:si_sigma9",
        description="Data file, or sample:si_sigma9 / sample:si_sigma9_static; relative to the recipe.",
    )
    dataset: str | None = Field(
        None, description="Path of the dataset inside an HDF5 file; not set: found by itself."
    )


class Data(Preprocess, Layout, DataFile):
    """Which patterns to reconstruct, how they lie in their file, and what to do with them before."""

    transpose: bool = Field(
        False, description="Swap the detector's axes; mixedptycho calibrate tells. Wrong: no atoms."
    )
    flip_y: bool = Field(
        False, description="Turn the detector's ky about zero (after transposing). Wrong: no atoms."
    )
    flip_x: bool = Field(
        False, description="Turn the detector's kx about zero (after transposing). Wrong: no atoms."
    )
    center: tuple[float, float] | None = Field(
        None,
        description="Zero angle (row, column) on the detector as stored, px, at the middle of the scan; "
        "wrong: the phase is inclined, and the probe too; not set: size // 2.",
    )
    descan: tuple[float, float, float, float] | None = Field(
        None,
        description="How the zero angle wanders on the detector once it is set right, px: ky per scan row, "
        "ky per scan column, kx per row, kx per column; wrong: atoms are sharp in a part of the scan only; "
        "not set: it stays.",
    )
    max_angle: float | None = Field(
        None,
        gt=0,
        description="Largest scattering angle to compare, mrad; pixels beyond it count as not measured. Too "
        "small: fine detail is lost.",
    )
    hold_out: int | None = Field(
        None,
        ge=2,
        le=10_000,
        description="Leave every k-th pattern out of the loss and report how well it is predicted, to choose "
        "states, slices and modes; 10 is usual. Not set: all patterns are fitted.",
    )


class Microscope(Settings):
    """Numbers of the microscope; whatever is set here overrides the file."""

    energy: float | None = Field(
        None,
        gt=1e3,
        lt=1e7,
        description="Electron energy, eV; typical 60000 to 300000. Wrong: atoms stay blurred.",
    )
    semiangle: float | None = Field(
        None,
        gt=0,
        lt=500,
        description="Convergence semi-angle, mrad; typical 15 to 40. Wrong: rings in the probe, loss stays "
        "high.",
    )
    scan_step: float | None = Field(
        None,
        gt=0,
        lt=1000,
        description="Distance between scan points, Å; typical 0.2 to 2. Wrong: doubled or stretched lattice.",
    )
    detector_sampling: float | None = Field(
        None,
        gt=0,
        lt=10,
        description="Detector sampling, 1/Å per pixel; typical 0.01 to 0.1. Wrong: the disk does not end at "
        "the semi-angle, atoms are doubled.",
    )
    defocus: float | None = Field(
        None,
        ge=-1e5,
        le=1e5,
        description="Defocus, Å; positive: crossover below the entrance surface; typical -200 to 500. "
        "Wrong: ghosts and rings about the atoms, loss stays high.",
    )
    astigmatism_a: float | None = Field(
        None,
        ge=-1e5,
        le=1e5,
        description="Two-fold astigmatism C12a (along kx, ky), Å; see mixedptycho calibrate; wrong: atoms "
        "are drawn out in one direction; not set: 0.",
    )
    astigmatism_b: float | None = Field(
        None,
        ge=-1e5,
        le=1e5,
        description="Two-fold astigmatism C12b (along the diagonals), Å; wrong: as for C12a; not set: 0.",
    )
    scan_rotation: float | None = Field(
        None,
        ge=-360,
        le=360,
        description="Scan's x axis from the detector's x axis towards its y axis, degrees; wrong: distorted "
        "atoms, loss stays high.",
    )
    electrons_per_unit: float | None = Field(
        None,
        gt=0,
        description="Electrons per stored unit of intensity (1 for counts); needed for a true dose. Wrong: "
        "noise is taken for signal.",
    )


class Model(Settings):
    """What the patterns are explained by."""

    states: int = Field(
        8,
        ge=1,
        le=1000,
        description="Object states: snapshots of the motion; typical 8 to 20; 1: no motion. Too few: "
        "spreads are uncertain; too many: slow, noise.",
    )
    probe_modes: int = Field(
        1,
        ge=1,
        le=100,
        description="Probe modes: partial coherence; typical 1 to 4; 1: a coherent probe. Too few: looks "
        "like motion; too many: hide motion.",
    )
    slices: int = Field(
        4, ge=1, le=1000, description="Slices; one for about 2 Å. Too few: looks like motion; too many: slow."
    )
    thickness: float | None = Field(
        None,
        gt=0,
        lt=1e5,
        description="Specimen thickness covered by all slices together, Å; wrong: looks like motion. Not "
        "set: from the file.",
    )
    source_size: float | None = Field(
        None,
        gt=0,
        le=10,
        description="Known size of the electron source at the specimen, Å (standard deviation): partial "
        "coherence without probe modes; wrong: looks like motion. Not set: a point, unless refined.",
    )
    source_points: Literal[4, 7] = Field(
        7,
        description="Points at which a source of finite size is sampled; each costs as much as a probe mode.",
    )
    detector_blur: float | None = Field(
        None,
        gt=0,
        le=20,
        description="Known point spread of the detector, px (sd); typical 0.3 to 1. Wrong: the edge of the "
        "disk is left over. Not set: none, unless refined.",
    )
    object_type: ObjectType = Field(
        "phase",
        description="phase: |O| = 1, states are physical; complex: free amplitude, which also takes up "
        "noise and motion; potential: phase >= 0.",
    )
    padding: float | None = Field(
        None,
        ge=1,
        le=4,
        description="Virtual detector / detector; not set: 1.5 when the data reach its edge, else 1. Too "
        "small: scattering wraps round.",
    )
    band_limit: float | None = Field(
        None,
        gt=0,
        le=1.5,
        description="Highest spatial frequency kept in propagation, as a part of the grid's; the paper: "
        "0.5. Too low: detail is missing. Not set: none.",
    )


class Guess(Settings):
    """Where the computation starts."""

    probe: Probe = Field(AberrationProbe(), description="First probe.")
    mode_power: float = Field(
        0.02, gt=0, lt=0.5, description="Power of each further probe mode ÷ that of the first; typical 0.02."
    )
    object: NoiseObject = Field(NoiseObject(), description="First object.")
    spread: Spread = Field(DisplacedCopies(), description="How a stage with more states starts from fewer.")
    result: str | None = Field(
        None,
        description="Earlier result to start from: ours, or of pypty, PtyRAD, phaser, py4DSTEM or quantem; "
        "other regions, paddings, slices and states are made to fit. Not set: none.",
    )


class Recipe(Settings):
    """The whole wish: data, microscope, model, first guess, stages, run."""

    data: Data = Data()
    microscope: Microscope = Microscope()
    model: Model = Model()
    guess: Guess = Guess()
    stages: tuple[Stage, ...] = Field(
        (
            Stage(name="rough", iterations=12, states=1),
            Stage(name="pure", iterations=20, states=1, prior=AtomPrior()),
            Stage(
                name="moving",
                iterations=30,
                refine=(unknowns.Object(), unknowns.Probe(), unknowns.Displacement()),
                prior=AtomPrior(),
            ),
        ),
        min_length=1,
        description="What to do, in order.",
    )
    run: Run = Run()

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Read a recipe file; relative paths in it start at its folder and come out absolute.

        Raises
        ------
        InputError
            When the file is missing or not a valid recipe.
        """
        path = Path(path)
        try:
            text = path.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            raise InputError(f"{path}: there is no such file.") from None
        except UnicodeDecodeError:
            raise InputError(
                f"{path}: this is not a recipe (TOML text in UTF-8); for data, mixedptycho recipe --for FILE "
                "writes one."
            ) from None
        except OSError as error:
            raise InputError(f"{path}: the recipe cannot be read ({error.strerror}).") from None
        return cls.from_toml(text, str(path)).located(path.parent)

    def located(self, folder: Path) -> Self:
        """Return a copy whose files are absolute paths; relative ones start at `folder`."""
        data, guess = self.data, self.guess
        if not data.file.startswith("sample:"):
            data = data.model_copy(update={"file": str((folder / data.file).resolve())})
        images = {name: getattr(data, name) for name in ("dark", "gain", "mask")}
        there = {name: str((folder / image).resolve()) for name, image in images.items() if image is not None}
        data = data.model_copy(update=there)
        if guess.result is not None:
            guess = guess.model_copy(update={"result": str((folder / guess.result).resolve())})
        return self.model_copy(update={"data": data, "guess": guess})

    @property
    def iterations(self) -> int:
        """Iterations of all stages."""
        return sum(stage.iterations for stage in self.stages)

    def states_of(self, stage: Stage) -> int:
        """Object states during a stage."""
        return stage.states or self.model.states

    def with_iterations(self, iterations: int) -> Self:
        """Return a copy in which the last stage runs `iterations` iterations; refused below 1."""
        return self.with_set(f"stages.{len(self.stages) - 1}.iterations={iterations}")

    @property
    def essence(self) -> dict[str, Any]:
        """The settings on which a result depends: all, but of how to compute only the seed."""
        return {**self.model_dump(mode="json"), "run": self.run.seed}

    def counts(self, dataset: Dataset) -> bool:
        """Tell whether electrons are counted in a data set: it or the recipe says what a stored unit is."""
        return (self.microscope.electrons_per_unit or dataset.electrons_per_unit) is not None

    def prior_stands_back(self, dataset: Dataset) -> bool:
        """Tell whether a stage wants a prior that cannot be weighed against uncounted electrons."""
        return not self.counts(dataset) and any(stage.prior is not None for stage in self.stages)

    def for_used(self, file: str | None) -> Self:
        """Return a copy for patterns that are what these come to be, so that nothing is left to do to them.

        Parameters
        ----------
        file
            Where they are stored; None: as before.
        """
        data, microscope = self.data, self.microscope
        step, pixel = microscope.scan_step, microscope.detector_sampling
        used = {
            "scan_step": None if step is None else step * data.scan_every,
            "detector_sampling": None if pixel is None else pixel * data.detector_bin,
        }
        return self.model_copy(
            update={
                "data": Data(file=file or data.file, hold_out=data.hold_out),
                "microscope": microscope.model_copy(update=used),
            }
        )

    def for_dataset(self, dataset: Dataset) -> Self:
        """Return a copy whose microscope section states a data set's numbers, as before its preprocessing."""
        names = Microscope.model_fields
        known = {name: dataset.stated.get(name, getattr(dataset, name)) for name in names}
        known = {name: None if value is None else float(value) for name, value in known.items()}
        for name in ("scan_rotation", "astigmatism_a", "astigmatism_b"):  # what is nought stays unsaid
            if not known[name]:
                known[name] = getattr(self.microscope, name)
        thickness = self.model.thickness or dataset.thickness
        return self.model_copy(
            update={
                "microscope": Microscope(**known),
                "model": self.model.model_copy(update={"thickness": thickness}),
            }
        )
