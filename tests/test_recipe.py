from __future__ import annotations

import re
from pathlib import Path

import pytest

from napari_mixedptycho.engine.solvers import Adam
from napari_mixedptycho.engine.unknowns import Object
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.guess.states import NoisyCopies
from napari_mixedptycho.io import load
from napari_mixedptycho.recipe import Recipe


@pytest.mark.parametrize("comments", [False, True])
def test_the_default_recipe_survives_toml(comments: bool) -> None:
    assert Recipe.from_toml(Recipe().to_toml(comments=comments)) == Recipe()


def test_an_empty_document_is_the_default_recipe() -> None:
    assert Recipe.from_toml("") == Recipe()


@pytest.mark.parametrize(
    ("assignment", "path", "value"),
    [
        ("model.states=3", "model.states", 3),
        (" model.states = 3 ", "model.states", 3),
        ("model.thickness=12.5", "model.thickness", 12.5),
        ("model.thickness=12", "model.thickness", 12.0),
        ("data.scan_region=[0,4,1,5]", "data.scan_region", (0, 4, 1, 5)),
        ("data.file=my scan.h5", "data.file", "my scan.h5"),
        ('data.file="my scan.h5"', "data.file", "my scan.h5"),
        ("data.file=a=b.h5", "data.file", "a=b.h5"),
        ("run.checkpoint=none", "run.checkpoint", None),
        ("guess.spread.kind=noise", "guess.spread", NoisyCopies()),
        ("stages.0.solver.kind=adam", "stages.0.solver", Adam()),
        ("stages.0.iterations=7", "stages.0.iterations", 7),
        ('stages.1.refine=["object"]', "stages.1.refine", (Object(),)),
    ],
)
def test_one_setting_is_changed_and_nothing_else(assignment: str, path: str, value: object) -> None:
    changed = Recipe().with_set(assignment)
    found: object = changed
    for part in path.split("."):
        found = found[int(part)] if isinstance(found, tuple) else getattr(found, part)
    assert found == value
    top = path.split(".")[0]
    assert changed.model_copy(update={top: getattr(Recipe(), top)}) == Recipe()


def test_a_stage_is_found_by_its_name() -> None:
    recipe = Recipe()
    name = recipe.stages[-1].name
    changed = recipe.with_set(f"stages.{name}.iterations=7")
    assert changed == recipe.with_set(f"stages.{len(recipe.stages) - 1}.iterations=7")


@pytest.mark.parametrize(
    ("assignment", "sentence"),
    [
        ("model.states", "write it as section.key=value"),
        ("model.stats=3", "there is no 'stats'; there are: states, probe_modes"),
        ("modle.states=3", "there is no 'modle'; there are: data, microscope"),
        ("stages.9.iterations=3", "there is no '9'; there are: pure, mixed"),
        ("stages.noise.iterations=3", "there is no 'noise'; there are: pure, mixed"),
        ("model.states.x=3", "there is no 'x'"),
        ("model.states=0", "'model.states': input should be greater than or equal to 1, found 0"),
        ("model.states=many", "'model.states': .*integer.*found 'many'"),
        ("model.states=", "'model.states'"),
        ("model.object_type=phses", "'model.object_type': .*'phase', 'complex' or 'potential'.*'phses'"),
        ("stages.0.solver.kind=sgd", "'stages.0.solver'.*'sgd'"),
        ("stages=[]", "'stages'"),
        ("run.device=tpu", "'run.device'.*found 'tpu'"),
        ("stages.0.refine.probe.start=-1", "'stages.0.refine.1.probe.start'"),
        ('stages.0.refine=["probe","probe"]', "'probe' is named twice"),
    ],
)
def test_a_wrong_assignment_is_refused_in_one_sentence(assignment: str, sentence: str) -> None:
    recipe = Recipe.from_toml('[[stages]]\nname="pure"\nstates=1\n[[stages]]\nname="mixed"')
    with pytest.raises(InputError, match=sentence) as caught:
        recipe.with_set(assignment)
    assert str(caught.value).startswith(f"--set {assignment}: ")
    assert "\n" not in str(caught.value)


def test_iterations_are_those_of_the_last_stage() -> None:
    recipe = Recipe().with_iterations(3)
    assert recipe.stages[:-1] == Recipe().stages[:-1]
    assert recipe.stages[-1].iterations == 3
    assert recipe.iterations == sum(stage.iterations for stage in recipe.stages)
    with pytest.raises(InputError, match="greater than or equal to 1"):
        Recipe().with_iterations(0)


def test_a_recipe_read_from_a_file_names_absolute_files(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text('[data]\nfile = "raw/scan.h5"\n[guess]\nresult = "../pure.h5"')
    recipe = Recipe.read(tmp_path / "r.toml")
    assert recipe.data.file == str((tmp_path / "raw" / "scan.h5").resolve())
    assert recipe.guess.result == str((tmp_path.parent / "pure.h5").resolve())
    assert recipe.located(Path("/elsewhere")) == recipe


def test_samples_and_absolute_paths_stay_as_they_are(tmp_path: Path) -> None:
    absolute = str((tmp_path / "scan.h5").resolve())
    for file in ("sample:si_sigma9", absolute):
        recipe = Recipe.parse({"data": {"file": file}})
        assert recipe.located(tmp_path / "other").data.file == file


def test_a_byte_order_mark_does_no_harm_but_other_encodings_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text("[model]\nstates = 3", encoding="utf-8-sig")
    assert Recipe.read(path).model.states == 3
    path.write_text("[model]\nstates = 3", encoding="utf-16")
    with pytest.raises(InputError, match=r"r\.toml: this is not a recipe \(TOML text in UTF-8\)"):
        Recipe.read(path)


def test_unreadable_recipes_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.toml: there is no such file"):
        Recipe.read(tmp_path / "nothing.toml")
    with pytest.raises(InputError, match=re.escape(f"{tmp_path}: the recipe cannot be read")):
        Recipe.read(tmp_path)
    (tmp_path / "r.toml").write_text("[model]\nstats = 3")
    with pytest.raises(InputError, match=r"r\.toml: unknown key 'model\.stats'"):
        Recipe.read(tmp_path / "r.toml")


def test_the_recipe_for_a_data_set_states_its_numbers() -> None:
    dataset = load("sample:si_sigma9")
    recipe = Recipe().for_dataset(dataset)
    assert recipe.microscope.semiangle == dataset.semiangle == 30.0
    assert recipe.microscope.electrons_per_unit == dataset.electrons_per_unit
    assert recipe.model.thickness == dataset.thickness
    assert Recipe.from_toml(recipe.to_toml()) == recipe
