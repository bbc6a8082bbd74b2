"""What a dock that closes leaves in the layers of its runs, so that the next one can take them over."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari.components import ViewerModel

from napari_mixedptycho._napari.images import KEY, mark_of
from napari_mixedptycho._napari.live import RunLayers
from napari_mixedptycho.control import PlantedSettings

_LEFT = "left"
"""Of our part of a layer's metadata: only what a dock has left may be taken, never what another one shows."""


@dataclass(frozen=True)
class Left:
    """A run whose dock is gone.

    Attributes
    ----------
    name
        As in its layers.
    state, of, note
        As in the table of runs.
    planted
        The motion that was planted for this run; None for others.
    file
        Where its result is; None: nowhere any more.
    """

    name: str
    state: str = "finished"
    of: str = ""
    note: str = ""
    file: Path | None = None
    planted: PlantedSettings | None = None


def leave(layers: RunLayers, run: Left) -> None:
    """Write into the layers of a run what the next dock has to know."""
    # Mere text: the next dock may be made of modules that were read anew.
    planted = "" if run.planted is None else run.planted.model_dump_json()
    told = {"state": run.state, "of": run.of, "note": run.note, "file": str(run.file or "")}
    told["planted"] = planted
    for name, live in layers.parts.items():
        mark = {**mark_of(live.layer), "run": run.name, "image": name, "touched": live.touched, _LEFT: told}
        live.layer.metadata[KEY] = mark


def take(viewer: ViewerModel) -> Iterator[tuple[Left, RunLayers]]:
    """Take over the runs that were left in a viewer, bottom first; nobody can take them again."""
    names = [mark_of(layer)["run"] for layer in viewer.layers if _LEFT in mark_of(layer)]
    for name in dict.fromkeys(names):
        layers = RunLayers(viewer, name)
        told: dict[str, str] = {}
        for layer in viewer.layers:
            mark = mark_of(layer)
            if _LEFT in mark and mark["run"] == name:
                told = mark.pop(_LEFT)
                layers.take(mark["image"], layer, touched=mark.pop("touched"))
        file = Path(told["file"]) if told["file"] else None
        kept = file if file is not None and file.is_file() else None
        plan = PlantedSettings.parse(json.loads(told["planted"])) if told["planted"] else None
        yield Left(name, told["state"], told["of"], told["note"], kept, plan), layers


def is_left(layer: Any) -> bool:
    """Tell whether a layer waits to be taken over."""
    return _LEFT in mark_of(layer)
