"""Keys in the viewer, while the dock lives: taken over with care, and given back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari.components import ViewerModel
from napari.utils.key_bindings import coerce_keybinding

KEYS = {
    "previous": ",",
    "next": ".",
    "blink": "B",
    "scale": "L",
    "export": "Control-E",
}
PAUSE = "Space"
"""Bound only while a run goes on: napari moves the image with it."""


class Keys:
    """Binds keys of a viewer.

    Parameters
    ----------
    viewer
        Whose keys.
    actions
        What to do, by the names of `KEYS`, and ``pause``; what returns False leaves the key to napari.
    """

    def __init__(self, viewer: ViewerModel, actions: dict[str, Callable[[], Any]]) -> None:
        self._viewer, self._actions = viewer, actions
        self._bound: dict[str, tuple[Any, Any]] = {}
        self._alive = True
        for name, key in KEYS.items():
            self._bind(name, key)

    def watch(self, running: bool) -> None:
        """Take the space bar while a run goes on, and give it back afterwards."""
        if running and self._alive:
            self._bind("pause", PAUSE)
        else:
            self._unbind("pause", PAUSE)

    def release(self) -> None:
        """Give all keys back; may be called again."""
        self._alive = False
        for name, key in (*KEYS.items(), ("pause", PAUSE)):
            self._unbind(name, key)

    def _bind(self, name: str, key: str) -> None:
        if name in self._bound:
            return

        def press(viewer: object) -> None:
            # A dock that took this key later may give it back to one that is gone.
            if (not self._alive or self._actions[name]() is False) and usual is not None:
                usual(viewer)

        binding = coerce_keybinding(key)
        before = self._viewer.keymap.get(binding)
        classes = (getattr(kind, "class_keymap", {}) for kind in type(self._viewer).__mro__)
        usual: Any = before or next((keys[binding] for keys in classes if binding in keys), None)
        self._bound[name] = (press, before)
        self._viewer.bind_key(key, press, overwrite=True)

    def _unbind(self, name: str, key: str) -> None:
        if name not in self._bound:
            return
        press, before = self._bound.pop(name)
        if self._viewer.keymap.get(coerce_keybinding(key)) is press:
            self._viewer.bind_key(key, before, overwrite=True)
