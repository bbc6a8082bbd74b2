from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.io import load
from napari_mixedptycho.memory import estimate_memory
from napari_mixedptycho.prepare import prepare
from tests.small import small

MEASURE = """
import json, sys
from pathlib import Path
from napari_mixedptycho.io import load
from napari_mixedptycho.memory import estimate_memory
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import reconstruct
from tests.small import small, steps

def status(key):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key))

steps(small("model.states=1", "model.slices=1"))  # what the libraries allocate once
recipe, dataset = small(*sys.argv[1:]), load("sample:si_sigma9")
before = status("VmRSS")
told = estimate_memory(recipe, dataset).total
for progress in reconstruct(recipe, dataset):
    pass
print(json.dumps({"told": told, "measured": status("VmHWM") - before}))
"""

LARGE = (
    "microscope.scan_step=2.0",
    'stages=[{name="pure",iterations=1,states=1},{name="mixed",iterations=4,solver={kind="lbfgs",memory=3}}]',
)
DISPLACED = (
    'stages=[{name="pure",iterations=1,states=1},{name="moving",iterations=4,'
    'refine=["object","probe","displacement"],prior={kind="atoms"},solver={kind="lbfgs",memory=3}}]'
)
SOLVERS = {
    kind: (
        "model.states=16",
        'stages=[{name="pure",iterations=1,states=1},{name="mixed",iterations=4,'
        f'patterns_per_update={batch},solver={{kind="{kind}"}}}}]',
    )
    for kind, batch in {"adam": 12, "momentum": 12, "lsqml": 12, "conjugate_gradient": 36}.items()
}
CASES = {
    **SOLVERS,
    "phase": ("model.states=16",),
    "displaced": ("model.states=16", DISPLACED),
    "many slices displaced": ("model.states=8", "model.slices=6", DISPLACED),
    "complex": ("model.states=12", "model.object_type=complex", "run.threads=2"),
}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is told by Linux only")
@pytest.mark.parametrize("changes", CASES.values(), ids=CASES)
def test_what_is_told_before_a_run_is_what_it_takes(changes: tuple[str, ...], repository: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *LARGE, *changes],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=repository,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["measured"] > 50e6  # or the program itself would matter
    assert 1 / 1.5 < found["told"] / found["measured"] < 1.5, found


def test_the_estimate_knows_how_the_work_is_divided() -> None:
    recipe, dataset = small(), load("sample:si_sigma9")
    prepared = prepare(recipe, dataset)
    problem, told = prepared.problem, estimate_memory(recipe, dataset)
    assert told.shape == prepared.geometry.shape
    assert told.data == 2 * problem.measured.nbytes
    wave = recipe.model.states * recipe.model.probe_modes * problem.size**2 * 8
    waves = told.waves / (problem.chunk * wave)
    assert waves == pytest.approx(round(waves))  # whole waves per thread, for this very chunk
    planes = recipe.model.states * recipe.model.slices
    each = told.gradient / (planes * np.prod(told.shape))
    assert each == pytest.approx(round(each))  # the lanes join what they collect: whole objects, no more


def test_more_of_anything_takes_more() -> None:
    dataset = load("sample:si_sigma9")
    base = estimate_memory(small(), dataset).total
    for change in (
        "model.states=4",
        "model.slices=4",
        "model.padding=2",
        "model.object_type=complex",
        "data.scan_region=none",
        "run.threads=4",
        "stages.mixed.iterations=9",
    ):
        assert estimate_memory(small(change), dataset).total > base, change


def test_the_patterns_stay_on_the_disk() -> None:
    dataset = load("sample:si_sigma9")
    estimate_memory(small("data.scan_region=none"), dataset)
    assert "values" not in vars(dataset)
    assert isinstance(dataset, Dataset)
