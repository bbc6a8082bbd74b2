"""Options that preprocess patterns: each is a setting of the recipe's section ``data`` too."""

from __future__ import annotations

import argparse
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from napari_mixedptycho.data_settings import Preprocess
from napari_mixedptycho.io import Contents
from napari_mixedptycho.orientation import Orientation
from napari_mixedptycho.preprocess import preprocessed
from napari_mixedptycho.recipe import Data

_NAMES = (*Preprocess.model_fields, "square", "transpose", "flip_y", "flip_x", "center", "descan")


def add_preprocessing(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    group = parser.add_argument_group("preprocessing (settings of a recipe's section data)")
    for name in _NAMES:
        field = Data.model_fields[name]
        kind = next((part for part in get_args(field.annotation) if part is not NoneType), field.annotation)
        options: dict[str, Any] = {"help": (field.description or "").replace("%", "%%"), "default": None}
        if get_origin(field.annotation) is Literal:
            options["choices"] = get_args(field.annotation)
        elif field.annotation is bool:
            options["action"] = "store_true"
        elif get_origin(kind) is tuple:
            inner = get_args(kind)
            options |= {"nargs": len(inner), "type": inner[0], "metavar": "N"}
        elif field.annotation is int or kind is int:
            options |= {"type": int, "metavar": "N"}
        else:
            options["metavar"] = "FILE" if name in ("dark", "gain", "mask") else "LIST"
        group.add_argument(f"--{name.replace('_', '-')}", **options)


def wished(arguments: argparse.Namespace) -> Data | None:
    """Return what the options ask for; None: nothing.

    Raises
    ------
    InputError
        When a value is not allowed.
    """
    given = {name: getattr(arguments, name) for name in _NAMES if getattr(arguments, name) is not None}
    given = {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}
    return Data.parse(given, "options") if given else None


def changed_contents(contents: Contents, data: Data) -> Contents:
    """Return the contents with the changes that settings ask for; errors as `preprocessed`."""
    orientation = Orientation(data.transpose, data.flip_y, data.flip_x)
    return preprocessed(contents, data, orientation, data.center, data.descan, data.square)
