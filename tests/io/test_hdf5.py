from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io import Layout, load, read_contents

NUMBERS = {"energy_eV": 60e3, "semiangle_mrad": 30.0, "scan_step_A": 0.4, "dk": 1 / 18}


def write(path: Path, patterns: Any = None, numbers: dict[str, Any] | None = None, key: str = "data") -> Path:
    with h5py.File(path, "w") as file:
        file[key] = np.ones((2, 3, 16, 16), np.uint16) if patterns is None else patterns
        file[key].attrs.update(NUMBERS if numbers is None else numbers)
    return path


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    return write(tmp_path / "scan.h5")


def test_numbers_are_taken_from_the_dataset_and_the_file(scan: Path) -> None:
    with h5py.File(scan, "r+") as file:
        file.attrs["defocus_A"] = 50
        file.attrs["energy_eV"] = 1.0  # the dataset's own attribute is the nearer one
    dataset = load(scan)
    assert (dataset.energy, dataset.semiangle, dataset.scan_step) == (60e3, 30.0, 0.4)
    assert (dataset.defocus, dataset.thickness) == (50.0, None)
    assert dataset.sources["energy"] == "file"
    assert "thickness" not in dataset.sources
    assert dataset.name == "scan"


@pytest.mark.parametrize("value", [np.array([60e3]), np.array([[60e3]]), np.float32(60e3), 60000])
def test_a_number_may_be_stored_as_an_array_of_one(tmp_path: Path, value: Any) -> None:
    assert load(write(tmp_path / "a.h5", numbers={**NUMBERS, "energy_eV": value})).energy == 60e3


def test_a_missing_number_is_named_and_may_come_from_elsewhere(tmp_path: Path) -> None:
    partial = {name: value for name, value in NUMBERS.items() if name != "semiangle_mrad"}
    path = write(tmp_path / "a.h5", numbers=partial)
    with pytest.raises(
        InputError, match=r"semiangle_mrad is missing; .* microscope\.semiangle in the recipe"
    ):
        load(path)
    assert read_contents(path).missing == ("semiangle",)
    dataset = load(path, numbers={"semiangle": 21.5})
    assert dataset.semiangle == 21.5
    assert dataset.sources["semiangle"] == "user"


def test_given_numbers_win_over_the_file(scan: Path) -> None:
    dataset = load(scan, numbers={"energy": 80e3, "electrons_per_unit": 2.0})
    assert (dataset.energy, dataset.electrons_per_unit) == (80e3, 2.0)


@pytest.mark.parametrize("value", ["sixty", np.array([1.0, 2.0]), b""])
def test_an_attribute_that_is_no_number_is_refused(tmp_path: Path, value: Any) -> None:
    with pytest.raises(InputError, match=r"the attribute energy_eV is .*; it must be one number"):
        load(write(tmp_path / "a.h5", numbers={**NUMBERS, "energy_eV": value}))


def test_a_number_that_is_not_a_number_counts_as_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="energy_eV is missing"):
        load(write(tmp_path / "a.h5", numbers={**NUMBERS, "energy_eV": np.nan}))


@pytest.mark.parametrize("shape", [(16, 16), (5,), (2, 2, 3, 2, 16, 16)])
def test_another_number_of_axes_is_refused_with_what_was_found(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    with pytest.raises(InputError, match="no dataset of four axes"):
        load(write(tmp_path / "a.h5", np.ones(shape)))
    with pytest.raises(InputError, match=r"'data' has shape \(.*four axes"):
        load(tmp_path / "a.h5", "data")


def test_a_stack_without_a_scan_proposes_shapes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", np.ones((6, 16, 16), np.uint8))
    with pytest.raises(InputError, match=r"6 patterns .* set data\.scan_shape .* \[2, 3\] or \[3, 2\]\."):
        load(path)
    assert load(path, layout=Layout(scan_shape=(3, 2))).scan_shape == (3, 2)


def test_superfluous_axes_of_length_one_are_dropped(tmp_path: Path) -> None:
    stack = np.arange(6 * 64, dtype=np.uint16).reshape(2, 3, 1, 8, 8)
    dataset = load(write(tmp_path / "a.h5", stack))
    np.testing.assert_array_equal(dataset.values, stack[:, :, 0])


def test_of_a_detector_that_is_not_square_the_middle_is_taken(tmp_path: Path) -> None:
    patterns = np.arange(2 * 3 * 16 * 13).reshape(2, 3, 16, 13)
    path = write(tmp_path / "a.h5", patterns)
    assert any("central 13×13 px" in note for note in read_contents(path).notes)
    dataset = load(path)
    assert dataset.detector_size == 13
    # Zero angle was at (8, 6) of (16, 13) and is at (6, 6) of (13, 13).
    np.testing.assert_array_equal(dataset.patterns[1, 2], patterns[1, 2, 2:15])
    np.testing.assert_array_equal(dataset.values, patterns[:, :, 2:15])


def test_patterns_must_be_real(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="dtype complex128"):
        load(write(tmp_path / "b.h5", np.ones((2, 2, 16, 16), complex)))


def test_the_only_stack_is_found_under_any_name(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", key="entry/detector/counts")
    assert read_contents(path).key == "entry/detector/counts"


def test_of_several_stacks_one_must_be_chosen(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", key="first")
    with h5py.File(path, "r+") as file:
        file["second"] = np.zeros((1, 1, 8, 8), np.uint8)
        file.attrs.update(NUMBERS)
    with pytest.raises(InputError, match=r"set data\.dataset to one of: first \(2, 3, 16, 16\), second"):
        load(path)
    assert load(path, "second").detector_size == 8
    assert load(path, "/second").detector_size == 8
    with pytest.raises(InputError, match=r"there is no dataset 'third'; .*first"):
        load(path, "third")


def test_the_stack_called_data_is_preferred(scan: Path) -> None:
    with h5py.File(scan, "r+") as file:
        file["background"] = np.zeros((1, 1, 8, 8))
    assert read_contents(scan).key == "data"


DAMAGED = "(this is not a readable HDF5 file|the file is damaged)"


@pytest.mark.parametrize("keep", [0, 100, 600, 0.5])
def test_a_truncated_file_is_refused(scan: Path, keep: float) -> None:
    content = scan.read_bytes()
    scan.write_bytes(content[: int(keep * len(content)) if keep < 1 else int(keep)])
    with pytest.raises(InputError, match=rf"scan\.h5: {DAMAGED if keep else 'the file is empty'}"):
        load(scan)


def test_another_file_with_the_right_suffix_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.h5").write_text("not HDF5")
    with pytest.raises(InputError, match="not a readable HDF5 file"):
        load(tmp_path / "a.h5")


@pytest.mark.parametrize(
    ("patterns", "per_pattern", "expected"),
    [
        (np.ones((2, 2, 8, 8), np.uint8), None, 1.0),  # counts
        (np.ones((2, 2, 8, 8), np.uint8), 64.0, 1.0),
        (np.full((2, 2, 8, 8), 1 / 64), 1e5, 1e5),  # fractions of the whole
        (np.full((2, 2, 8, 8), 0.9 / 64), 1e5, 1e5),  # ... of which a part misses the detector
        (np.full((2, 2, 8, 8), 1e5 / 64), 1e5, 1.0),  # electrons, as real numbers
        (np.full((2, 2, 8, 8), 1 / 64), None, None),  # noise-free
    ],
)
def test_electrons_per_unit(
    tmp_path: Path, patterns: Any, per_pattern: float | None, expected: float | None
) -> None:
    numbers = NUMBERS if per_pattern is None else {**NUMBERS, "electrons_per_pattern": per_pattern}
    dataset = load(write(tmp_path / "a.h5", patterns, numbers))
    assert dataset.electrons_per_unit == expected
    assert dataset.sources.get("electrons_per_unit") == (None if expected is None else "file")


def test_an_incomplete_truth_is_none_and_a_broken_one_is_refused(scan: Path) -> None:
    with h5py.File(scan, "r+") as file:
        file["truth/columns_mean"] = np.zeros((5, 2))
    assert load(scan).truth is None
    with h5py.File(scan, "r+") as file:
        for name in ("columns_per_snapshot", "columns_in_scan", "atoms_yxz"):
            file[f"truth/{name}"] = np.bytes_(b"broken")
    with pytest.raises(InputError, match="group 'truth' does not hold numbers"):
        load(scan)


def test_a_result_is_not_data(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "r.h5", "w") as file:
        file["recipe.toml"] = "x"
    with pytest.raises(InputError, match="this is a result, not data"):
        load(tmp_path / "r.h5")


def test_letting_go_of_a_data_set_closes_its_file(scan: Path) -> None:
    dataset = load(scan)
    assert dataset.patterns.id.valid
    del dataset
    with h5py.File(scan, "r+") as file:  # refused while it is open for reading
        file.attrs["note"] = "writable again"


def test_only_the_wanted_part_of_the_scan_is_read(scan: Path) -> None:
    # Rows of chunks that cannot be decoded do no harm as long as nobody asks for them.
    with h5py.File(scan, "w") as file:
        data = file.create_dataset(
            "data", (4, 4, 16, 16), np.uint16, chunks=(1, 4, 16, 16), compression="gzip"
        )
        data[...] = 7
        data.attrs.update(NUMBERS)
        data.id.write_direct_chunk((3, 0, 0, 0), b"no gzip at all")
    dataset = load(scan)
    assert (dataset.patterns[0:2] == 7).all()
    with pytest.raises(OSError, match=r".+"):
        _ = dataset.values
