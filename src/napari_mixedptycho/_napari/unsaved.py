"""Copies of runs that nobody has saved yet, so that neither a crash nor a closed window takes them away."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from qtpy.QtCore import QStandardPaths

from napari_mixedptycho._napari.preferences import preference


def folder() -> Path:
    """Return where copies are kept; there may be no such folder yet."""
    kind = QStandardPaths.StandardLocation.GenericDataLocation
    return Path(QStandardPaths.writableLocation(kind)) / "napari-mixedptycho" / "unsaved"


def copies() -> list[Path]:
    """Return the copies that there are, newest first."""
    return sorted(folder().glob("*.h5"), reverse=True)


def new_copy(name: str, needed: Collection[Path] = ()) -> Path:
    """Return a file for the copy of a run; the oldest copies make room for it.

    Parameters
    ----------
    name
        Of the data.
    needed
        Copies that stay, however old they are: nothing else holds their results.
    """
    for old in copies()[preference("kept_copies") - 1 :]:
        if old not in needed:
            with suppress(OSError):
                old.unlink()
    return folder() / f"{time.strftime('%Y-%m-%d %H.%M.%S')} {name} {secrets.token_hex(2)}.h5"


def is_copy(path: str | os.PathLike[str]) -> bool:
    """Tell whether a file is one of the copies."""
    return Path(path).resolve().parent == folder().resolve()
