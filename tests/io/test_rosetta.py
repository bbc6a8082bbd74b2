"""What RosettaSciIO reads beyond our own readers."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io import data_path, read_contents, rosetta
from tests.io.formats import ENERGY, SAMPLES, SAMPLING, STACK, STEP
from tests.io.test_lazy import Watched

installed = pytest.mark.skipif(importlib.util.find_spec("rsciio") is None, reason="needs RosettaSciIO")


def axis(name: str, scale: float, unit: str, index: int) -> dict[str, Any]:
    return {
        "name": name,
        "scale": scale,
        "units": unit,
        "index_in_array": index,
        "navigate": index < 2,
        "offset": 0.0,
    }


AXES = [axis("y", STEP / 10, "nm", 0), axis("x", STEP / 10, "nm", 1)] + [
    axis(name, SAMPLING * 10, "1/nm", 2 + place) for place, name in enumerate(("ky", "kx"))
]
METADATA = {"Acquisition_instrument": {"TEM": {"beam_energy": ENERGY / 1e3, "convergence_angle": 21.0}}}


@installed
@pytest.mark.filterwarnings("ignore")  # its own affair
def test_a_format_that_only_rosettasciio_knows(tmp_path: Path) -> None:
    from rsciio.ripple import file_writer

    signal = {"data": STACK[0], "axes": [{**one, "index_in_array": i, "size": n} for i, (one, n) in
              enumerate(zip(AXES[1:], STACK.shape[1:], strict=True))],
              "metadata": {"General": {}, "Signal": {"signal_type": ""}}, "original_metadata": {},
              "attributes": {"_lazy": False}}  # fmt: skip
    file_writer(str(tmp_path / "scan.rpl"), signal)
    contents = read_contents(data_path(tmp_path / "scan.rpl"))
    assert contents.format.endswith("(RosettaSciIO)")
    np.testing.assert_array_equal(np.sort(np.ravel(contents.patterns[...])), np.sort(STACK[0].ravel()))


THEIRS = {
    "scan.xml": "empad",
    "scan.blo": "blockfile",
    "scan.dm3": "digitalmicrograph",
    "scan.dm4": "digitalmicrograph",
}


@installed
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", THEIRS)
def test_our_fixtures_are_files_to_rosettasciio_too(name: str, tmp_path: Path) -> None:
    sample = next(one for one in SAMPLES if one.name == name)
    sample.write(tmp_path / name)
    signals = importlib.import_module(f"rsciio.{THEIRS[name]}").file_reader(str(tmp_path / name))
    (data,) = (one["data"] for one in signals if one["data"].ndim == 4)
    np.testing.assert_array_equal(data, sample.stack)


def test_chunks_that_cut_the_detector_read_one_pattern_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dask = pytest.importorskip("dask.array")
    watched = Watched(STACK)
    watched.ndim = STACK.ndim  # type: ignore[attr-defined]
    data = dask.from_array(watched, chunks=(1, 2, 8, 16), asarray=False, meta=np.empty((0,) * 4, STACK.dtype))
    reader = SimpleNamespace(
        file_reader=lambda name, lazy: [{"data": data, "axes": AXES, "metadata": METADATA}]
    )
    monkeypatch.setattr(rosetta, "_plugin", lambda path: {"api": "fake_reader", "name": "Fake"})
    monkeypatch.setitem(sys.modules, "fake_reader", reader)
    contents = rosetta.read(tmp_path / "scan.fake")
    np.testing.assert_array_equal(contents.stack[1, 2], STACK[1, 2])
    assert watched.read <= 2 * STACK[1, 2].size
    assert contents.numbers == pytest.approx({"energy": ENERGY, "semiangle": 21.0, "scan_step": STEP})
    assert contents.detector.frequency == pytest.approx(SAMPLING)


def test_without_it_the_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rsciio", None)
    assert rosetta.suffixes() == ()
    with pytest.raises(InputError, match=r"pip install \"napari-mixedptycho\[formats\]\""):
        rosetta.read(tmp_path / "scan.ser")
