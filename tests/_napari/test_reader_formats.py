"""napari's reader takes what it can really read, and leaves the rest to others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from npe2 import PluginManifest

from napari_mixedptycho._napari.reader import get_reader
from napari_mixedptycho.io import SUFFIXES
from tests.io.formats import SAMPLES, Sample


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_every_format_with_a_scan_is_taken(sample: Sample, tmp_path: Path) -> None:
    if sample.needs:
        pytest.importorskip(sample.needs)
    sample.write(tmp_path / sample.name)
    assert (get_reader(tmp_path / sample.name) is not None) == sample.scan_known


def test_the_manifest_claims_what_is_read_here() -> None:
    (reader,) = PluginManifest.from_distribution("napari-mixedptycho").contributions.readers
    claimed = {pattern.removeprefix("*") for pattern in reader.filename_patterns}
    # Mere numbers (.bin, .dat) need to be told how they lie: they are opened in the dock.
    assert claimed == set(SUFFIXES) - {".bin", ".dat"}
    assert reader.accepts_directories


def test_images_and_folders_are_left_to_others(tmp_path: Path) -> None:
    np.save(tmp_path / "image.npy", np.zeros((20, 30)))
    np.save(tmp_path / "volume.npy", np.zeros((20, 30, 30)))
    (tmp_path / "raw.raw").write_bytes(bytes(100))
    for name in ("image.npy", "volume.npy", "raw.raw", "."):
        assert get_reader(tmp_path / name) is None


def test_a_damaged_file_that_nobody_else_reads_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "scan.mib").write_bytes(b"damaged")
    assert get_reader(tmp_path / "scan.mib") is not None
