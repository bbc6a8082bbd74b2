"""``info`` on every format."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from napari_mixedptycho.cli import main
from tests.io.formats import SAMPLES, Sample

RAW = ["--detector-shape", "16", "16", "--number-type", "uint16"]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_info_describes_every_format(
    sample: Sample, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if sample.needs:
        pytest.importorskip(sample.needs)
    path = tmp_path / sample.name
    sample.write(path)
    raw = RAW if path.suffix == ".raw" else []
    assert main(["info", str(path), "--json", *raw]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["scan_known"] == sample.scan_known
    assert facts["dtype"] == str(sample.stack.dtype)
    assert facts["shape"][-2:] == list(sample.stack.shape[-2:])
    assert set(facts["missing"]).isdisjoint(facts["sources"])
    for name, value in sample.numbers.items():
        assert facts[name] == pytest.approx(value, rel=2e-6)
        assert facts["sources"][name] == "file"
    if not sample.scan_known:
        assert [3, 4] in facts["scan_shapes"]
        assert main(["info", str(path), "--scan-shape", "3", "4", *raw]) == 0
        assert "3 × 4 points" in capsys.readouterr().out
    assert main(["info", str(path), *raw]) == 0
    assert ("rows and columns are not known" in capsys.readouterr().out) != sample.scan_known


def test_patterns_that_cannot_be_read_are_said_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("data", (2, 2, 16, 16), "u2", chunks=(1, 1, 16, 16), compression="gzip")
        data[...] = np.uint16(1)
        data.id.write_direct_chunk((0, 0, 0, 0), b"no gzip")
    assert main(["info", str(tmp_path / "a.h5")]) == 2
    assert "the patterns cannot be read" in capsys.readouterr().err
