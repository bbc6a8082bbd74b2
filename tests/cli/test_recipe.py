from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from napari_mixedptycho.io import load
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.settings import Settings

Run = Callable[..., Any]


def keys(kind: type[Settings]) -> set[str]:
    """Return the names of all settings below a class, alternatives left out."""
    found = set()
    for name, field in kind.model_fields.items():
        found.add(name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, Settings):
            found |= keys(field.annotation)
    return found


def test_the_printed_recipe_is_complete_commented_and_the_default(run: Run) -> None:
    shown = run("recipe")
    assert (shown.code, shown.err) == (0, "")
    assert Recipe.from_toml(shown.out) == Recipe()
    assert [key for key in keys(Recipe) if key not in shown.out] == []
    values = [line for line in shown.out.splitlines() if " = " in line and not line.startswith("#")]
    bare = [line for line in values if "#" not in line and not line.startswith("kind")]
    assert bare == []


def test_what_is_asked_for_is_in_it(run: Run) -> None:
    shown = run("recipe", "--states", 5, "--slices", 3, "--probe-modes", 2)
    model = Recipe.from_toml(shown.out).model
    assert (model.states, model.slices, model.probe_modes) == (5, 3, 2)


def test_for_a_sample_its_numbers_are_filled_in(run: Run) -> None:
    recipe = Recipe.from_toml(run("recipe", "--for", "sample:si_sigma9_static").out)
    dataset = load("sample:si_sigma9_static")
    assert recipe.data.file == "sample:si_sigma9_static"
    assert recipe.for_dataset(dataset) == recipe
    assert recipe.model.slices == 4  # 7.7 Å, about 2 Å each


def test_for_a_file_what_it_lacks_is_asked_for(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["data"] = np.ones((2, 2, 16, 16), np.uint16)
        file.attrs.update({"energy_eV": 80e3, "scan_step_A": 0.5, "dk": 0.05})
    monkeypatch.chdir(tmp_path)
    text = run("recipe", "--for", "scan.h5").out
    recipe = Recipe.from_toml(text)
    assert recipe.data.file == str((tmp_path / "scan.h5").resolve())  # right wherever the recipe is put
    assert (recipe.microscope.energy, recipe.microscope.semiangle) == (80e3, None)
    assert recipe.microscope.electrons_per_unit == 1.0
    head = text.split("[data]")[0]
    for wanted in ("microscope.semiangle", "model.thickness", "microscope.defocus"):
        assert wanted in head, wanted
    assert "microscope.energy" not in head
    assert "dose" not in head  # whole numbers are counts
    assert "# thickness = (not set)" in text


def test_an_unknown_dose_is_said(run: Run, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["data"] = np.ones((2, 2, 16, 16), np.float32)
    assert (
        "microscope.electrons_per_unit" in run("recipe", "--for", tmp_path / "scan.h5").out.split("[data]")[0]
    )


@pytest.mark.parametrize(("thickness", "slices"), [(0.5, 1), (7.7, 4), (20.0, 10)])
def test_slices_suit_the_thickness_unless_they_are_asked_for(
    run: Run, tmp_path: Path, thickness: float, slices: int
) -> None:
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["data"] = np.ones((2, 2, 16, 16), np.uint16)
        file.attrs["thickness_A"] = thickness
    shown = run("recipe", "--for", tmp_path / "scan.h5")
    assert Recipe.from_toml(shown.out).model.slices == slices
    shown = run("recipe", "--for", tmp_path / "scan.h5", "--slices", 2)
    assert Recipe.from_toml(shown.out).model.slices == 2


def test_it_may_be_written_to_a_new_file(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    assert run("recipe", "--states", 3, "--out", path).code == 0
    assert Recipe.read(path).model.states == 3
    assert "is there already" in run("recipe", "--out", path).refused()
    assert "cannot be written" in run("recipe", "--out", path / "below").refused()


def test_what_cannot_be_is_refused(run: Run, tmp_path: Path) -> None:
    assert "no such file" in run("recipe", "--for", tmp_path / "scan.h5").refused()
    assert "model.states" in run("recipe", "--states", 5000).refused()
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["data"] = np.ones((2, 2, 16, 16), np.uint16)
        file.attrs["energy_eV"] = 60.0  # keV by mistake
    sentence = run("recipe", "--for", tmp_path / "scan.h5").refused()
    assert "scan.h5: 'microscope.energy'" in sentence
