"""Time to the paper's result: how long the default recipe takes to the loss that the paper's method ends at.

Gladyshev et al. (2023): 8134 patterns of 233² px, ten states, two slices, 2000 iterations of gradient descent
in 45.1 h. Our data are made by our own forward model from the stored atoms (`simulate --like paper`).

    python benchmarks/paper_size.py OUT --device gpu                   # all of it; needs a GPU
    python benchmarks/paper_size.py OUT --scale 0.1 --detector 48 --descent 20 --short   # a trial on a CPU

1. The data, unless OUT/paper.h5 is there. 2. The level: the loss of eq. 3 that gradient descent reaches
(examples/paper/mixed_object.toml, ten states) after `--descent` iterations; or `--level` states it. 3. The
default recipe with ten states, to its end; the same loss is looked at after every iteration, which is not
timed. Prints, and writes OUT/paper_size.json: the level, and the wall time of both, to it and in all.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from napari_mixedptycho.benchmark import Bench, machine
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.engine.forward import Objective
from napari_mixedptycho.engine.losses import IntensityLoss
from napari_mixedptycho.io import load
from napari_mixedptycho.prepare import prepare, to_device
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import reconstruct
from napari_mixedptycho.simulate import open_structure, prepare_simulation, preset, write_simulation

PAPER = Path(__file__).resolve().parents[1] / "examples" / "paper" / "mixed_object.toml"
STATES = 10


@dataclass(frozen=True)
class Look:
    """A run after an iteration: seconds so far, looking excepted; loss of eq. 3."""

    iteration: int
    seconds: float
    loss: float


def data(out: Path, arguments: argparse.Namespace) -> Dataset:
    """Simulate, or open what was simulated."""
    file = out / "paper.h5"
    if not file.exists():
        structure, settings = preset("paper")
        rows, columns = (max(6, round(length * arguments.scale)) for length in settings.scan.shape)
        changes = [f"scan.shape=[{rows},{columns}]", f"device={arguments.device}"]
        if arguments.detector is not None:
            changes += [f"detector.size={arguments.detector}", "specimen.snapshots=4"]
        for change in changes:
            settings = settings.with_set(change)
        began = time.perf_counter()
        for _ in write_simulation(prepare_simulation(settings, open_structure(structure)), file):
            pass
        print(f"{file}: made in {time.perf_counter() - began:.0f} s")
    return load(file)


def looks(recipe: Recipe, dataset: Dataset) -> Iterator[Look]:
    """Reconstruct; yield after every iteration on the whole detector."""
    prepared = prepare(recipe, dataset)
    objective, shape = Objective.of(prepared.problem, IntensityLoss()), prepared.geometry.shape
    for progress in reconstruct(recipe, prepared):
        result = progress.result
        if result.estimate.object.shape[-2:] != shape:
            continue  # an early stage on a part of the detector
        loss, _ = objective.value_and_gradient(to_device(prepared, result.estimate), ())
        yield Look(progress.iteration, sum(result.history.seconds), loss)


def reached(found: list[Look], level: float) -> Look | None:
    """Return when the loss first fell to a level."""
    return next((look for look in found if look.loss <= level), None)


def with_states(recipe: Recipe, file: Path, device: str) -> Recipe:
    """Return a recipe for the paper's data: ten states, two slices, all of the scan."""
    changes = (f'data.file="{file}"', "data.scan_region=none", f"model.states={STATES}", "model.slices=2")
    for change in (*changes, "model.padding=1.03", f"run.device={device}", "run.checkpoint=none"):
        recipe = recipe.with_set(change)
    return recipe


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--scale", type=float, default=1.0, help="of both edges of the scan")
    parser.add_argument("--detector", type=int, help="px instead of 233; four snapshots, not thirty")
    parser.add_argument("--descent", type=int, default=2000, help="iterations of gradient descent")
    parser.add_argument("--level", type=float, help="the loss to reach, instead of gradient descent")
    parser.add_argument("--short", action="store_true", help="a tenth of the default recipe's iterations")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    dataset, level, descent = data(arguments.out, arguments), arguments.level, None
    file = (arguments.out / "paper.h5").resolve()
    if level is None:
        paper = with_states(Recipe.read(PAPER), file, arguments.device).with_iterations(arguments.descent)
        descent = list(looks(paper, dataset))
        level = descent[-1].loss
        print(f"gradient descent: {level:.4e} after {len(descent)} iterations, {descent[-1].seconds:.0f} s")
    recipe = with_states(Recipe(), file, arguments.device)
    if arguments.short:
        for index, stage in enumerate(recipe.stages):
            recipe = recipe.with_set(f"stages.{index}.iterations={max(2, stage.iterations // 10)}")
    found = list(looks(recipe, dataset))
    there, last = reached(found, level), found[-1]
    when = "not reached" if there is None else f"reached after {there.iteration} it., {there.seconds:.0f} s"
    print(f"default recipe: {when}; at the end {last.loss:.4e} after {last.iteration}, {last.seconds:.0f} s")
    facts = machine(Bench(device=arguments.device))
    record = {
        "machine": {name: facts[name] for name in facts.keys() - {"patterns", "detector", "size", "repeats"}},
        "patterns": list(dataset.patterns.shape),
        "level": level,
        "descent": None if descent is None else asdict(descent[-1]),
        "reached": None if there is None else asdict(there),
        "end": asdict(last),
        "published_hours": 45.1,
    }
    (arguments.out / "paper_size.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
