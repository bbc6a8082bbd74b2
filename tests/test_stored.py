"""Patterns that stay in their file: which parts of it are read together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from napari_mixedptycho.preprocess.change import Changed
from napari_mixedptycho.stored import Stored, held, rows_at_once


def test_chunks_are_read_whole(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        shape = (32, 10, 8, 8)
        together = file.create_dataset("a", shape, np.uint16, chunks=(8, 5, 4, 4))
        single = file.create_dataset("b", shape, np.uint16, chunks=(1, 1, 8, 8))
        lazily = Stored.of(Changed(Stored.of(together), lambda images: images, 8, np.dtype(np.uint16)))
        assert rows_at_once(lazily, 35) == 8
        assert rows_at_once(together, 190) == 16
        assert rows_at_once(single, 35) == 3
        assert rows_at_once(single, 10**6) == 32
        # A chunk of far too many patterns is read in parts after all.
        assert rows_at_once(together, 15) == 1


def test_a_pattern_is_held_in_its_largest_form() -> None:
    fine = np.zeros((2, 2, 32, 32), np.uint8)

    def coarse(images: Any) -> Any:
        return images[..., ::4, ::4]

    lazily = Stored.of(Changed(Stored.of(fine), coarse, 8, np.dtype(np.uint8)))
    assert held(lazily) == 4 * 32 * 32
    assert held(np.zeros((1, 1, 8, 8))) == 8 * 64
