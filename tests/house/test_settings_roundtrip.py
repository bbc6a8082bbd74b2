"""Every settings class survives the way to a TOML document and back, and explains each of its fields."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from types import ModuleType

import pytest
from pydantic import ValidationError

import napari_mixedptycho
from napari_mixedptycho.engine.constraints import ProbeAperture, ProbeWindow
from napari_mixedptycho.engine.penalties import Tikhonov, TotalVariation
from napari_mixedptycho.engine.stage import Stage
from napari_mixedptycho.engine.unknowns import Object, Probe, Tilt
from napari_mixedptycho.settings import Settings


def _import(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ImportError:  # the window, where Qt cannot be loaded
        return None


def _settings_classes() -> list[type[Settings]]:
    """Every concrete class of settings that the package defines."""
    found = {}
    for module in pkgutil.walk_packages(napari_mixedptycho.__path__, "napari_mixedptycho."):
        if module.name.split(".")[1] in {"_napari", "__main__"} or (loaded := _import(module.name)) is None:
            continue
        for _, item in inspect.getmembers(loaded, inspect.isclass):
            if issubclass(item, Settings) and item is not Settings and not inspect.isabstract(item):
                found[f"{item.__module__}.{item.__qualname__}"] = item
    return [found[name] for name in sorted(found) if found[name].__module__.startswith("napari_mixedptycho")]


CLASSES = _settings_classes()


def _defaults(kind: type[Settings]) -> Settings:
    try:
        return kind()
    except ValidationError as error:
        required = {problem["loc"] for problem in error.errors() if problem["type"] == "missing"}
        if not required:
            raise
        pytest.skip(f"has no complete defaults: {sorted(required)} must be given")


def test_settings_are_found() -> None:
    assert len(CLASSES) >= 3


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("comments", [False, True], ids=["plain", "commented"])
def test_defaults_survive_toml(kind: type[Settings], comments: bool) -> None:
    settings = _defaults(kind)
    assert kind.from_toml(settings.to_toml(comments=comments)) == settings


def test_lists_of_kinds_survive_toml_in_their_order() -> None:
    stage = Stage(
        refine=(Probe(start=3), Object(), Tilt(smooth=2.5, per_position=True)),
        penalties=(TotalVariation(weight=1e-7), Tikhonov()),
        constraints=(ProbeWindow(radius=3.25), ProbeAperture()),
    )
    text = stage.to_toml(comments=True)
    assert Stage.from_toml(text) == stage
    assert '"object"' in text, "what has its defaults goes by its name"
    assert Stage.from_toml(Stage(refine=(Object(),)).to_toml()).penalties == ()


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_field_has_its_tooltip(kind: type[Settings]) -> None:
    silent = [
        name
        for name, field in kind.model_fields.items()
        # A nested group explains itself; `kind` only tells the alternatives apart.
        if name != "kind" and not field.description and Settings not in _bases(field.annotation)
    ]
    assert not silent, f"{kind.__name__}: give these fields a description: {silent}"


def _bases(annotation: object) -> tuple[type, ...]:
    """Bases of an annotation that is a class, of its arguments otherwise."""
    if isinstance(annotation, type) and hasattr(annotation, "__mro__"):
        return annotation.__mro__
    return tuple(base for part in getattr(annotation, "__args__", ()) for base in _bases(part))


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_settings_are_frozen_and_strict(kind: type[Settings]) -> None:
    config = kind.model_config
    assert config.get("frozen") is True
    assert config.get("extra") == "forbid"
