"""Every format: the same patterns and numbers come out, lazily, in native dtype, axes and byte order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io import Contents, Layout, data_path, load, read_contents
from tests.io.formats import ENERGY, SAMPLES, SAMPLING, SCAN, WAVELENGTH, Sample

RAW = {"detector_shape": (16, 16), "number_type": "uint16"}


def written(sample: Sample, folder: Path) -> Path:
    if sample.needs:
        pytest.importorskip(sample.needs)
    path = folder / sample.name
    sample.write(path)
    return path


def opened(sample: Sample, path: Path) -> Contents:
    scan = {} if sample.scan_known else {"scan_shape": SCAN}
    layout = Layout.parse(scan | (RAW if path.suffix == ".raw" else {}))
    return read_contents(data_path(path), layout=layout)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_patterns_come_out_as_they_went_in(sample: Sample, tmp_path: Path) -> None:
    contents = opened(sample, written(sample, tmp_path))
    assert contents.scan_known
    assert tuple(contents.patterns.shape) == sample.stack.shape
    assert contents.patterns.dtype == sample.stack.dtype
    assert contents.patterns.dtype.isnative
    np.testing.assert_array_equal(np.asarray(contents.patterns[...]), sample.stack)
    np.testing.assert_array_equal(np.asarray(contents.patterns[1, 2]), sample.stack[1, 2])
    np.testing.assert_array_equal(
        np.asarray(contents.patterns[1:, ::2, 3:9, 5]), sample.stack[1:, ::2, 3:9, 5]
    )


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_numbers_come_out_in_our_units(sample: Sample, tmp_path: Path) -> None:
    contents = opened(sample, written(sample, tmp_path))
    numbers = contents.with_energy(ENERGY)
    for name, value in sample.numbers.items():
        assert numbers[name] == pytest.approx(value, rel=2e-6), name
    if sample.angle is not None:
        assert contents.detector_angle == pytest.approx(sample.angle, rel=1e-6)
        assert numbers["detector_sampling"] == pytest.approx(sample.angle * 1e-3 / WAVELENGTH, rel=1e-5)
    stated = set(sample.numbers) | ({"detector_sampling"} if sample.angle else set())
    assert set(numbers) - {"electrons_per_unit"} == stated - {"electrons_per_unit"}


@pytest.mark.parametrize("sample", [s for s in SAMPLES if not s.scan_known], ids=lambda sample: sample.name)
def test_a_stack_is_refused_with_what_would_fit(sample: Sample, tmp_path: Path) -> None:
    path = written(sample, tmp_path)
    layout = Layout.parse(RAW if path.suffix == ".raw" else {})
    contents = read_contents(data_path(path), layout=layout)
    assert not contents.scan_known
    assert SCAN in contents.scan_shapes
    with pytest.raises(InputError, match=r"12 patterns and does not say the shape of the scan"):
        load(path, layout=layout)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_numbers_know_their_source(sample: Sample, tmp_path: Path) -> None:
    path = written(sample, tmp_path)
    given = {"semiangle": 20.0, "energy": ENERGY, "scan_step": 0.5, "detector_sampling": SAMPLING}
    given = {name: value for name, value in given.items() if name not in sample.numbers}
    scan = {} if sample.scan_known else {"scan_shape": SCAN}
    dataset = load(path, None, given, Layout.parse(scan | (RAW if path.suffix == ".raw" else {})))
    for name in ("energy", "semiangle", "scan_step", "detector_sampling"):
        assert dataset.sources[name] == ("user" if name in given else "file"), name
    np.testing.assert_array_equal(dataset.values, sample.stack)
