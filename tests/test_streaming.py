"""Patterns that do not fit in memory are read again and again, with the same result bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from napari_mixedptycho import stored
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.engine import view
from napari_mixedptycho.engine.patterns import Held, Streamed, in_turn
from napari_mixedptycho.engine.room import Room
from napari_mixedptycho.io import load
from napari_mixedptycho.memory import estimate_memory
from napari_mixedptycho.prepare import for_detector, open_dataset, prepare
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import reconstruct
from napari_mixedptycho.stored import Stored, survey
from tests.small import small, steps

BYTES = 2 * 36 * 64**2 * 4
"""What the patterns of the small recipe take: as stored, and as the engine reads them."""
TENTH = f"run.data_memory={BYTES / 10 / 1e9}"

RUNS: dict[str, tuple[str, ...]] = {
    "plain": (),
    "masked": ("data.max_angle=60", "data.hold_out=5"),
    "another corner, growing": (
        "data.scan_region=[3,9,4,10]",
        'stages=[{name="half",iterations=2,states=1,detector=0.75},{name="mixed",iterations=2}]',
    ),
    "in batches": ("stages.mixed.solver.kind=adam", "stages.mixed.patterns_per_update=10", "run.threads=2"),
}


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count what is read at once: never more than a limit allows."""
    at = Stored.at

    def counted(self: Stored, positions: Any) -> Any:
        assert positions.size * self.dtype.itemsize * self.shape[-1] ** 2 <= BYTES / 10
        return at(self, positions)

    monkeypatch.setattr(Stored, "at", counted)


@pytest.mark.parametrize("changes", RUNS.values(), ids=RUNS)
def test_ten_times_the_memory_gives_the_same_result_bit_for_bit(changes: tuple[str, ...]) -> None:
    roomy, tight = small(*changes), small(*changes, TENTH)
    assert isinstance(prepare(roomy, open_dataset(roomy)).problem.measured, np.ndarray)
    assert isinstance(prepare(tight, open_dataset(tight)).problem.measured, Streamed)
    one, other = steps(roomy)[-1].result, steps(tight)[-1].result
    assert one.history.loss == other.history.loss
    assert one.data_hash == other.data_hash
    np.testing.assert_array_equal(one.estimate.object, other.estimate.object)
    np.testing.assert_array_equal(one.estimate.probe, other.estimate.probe)


def test_nothing_loads_all_patterns(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Stored, where: Any) -> Any:
        assert isinstance(where, int), "more than a scan row was asked for"
        return self._run(where, 0, self.shape[1])

    monkeypatch.setattr(Stored, "__getitem__", refuse)
    dataset = load("sample:si_sigma9")
    last = list(reconstruct(small(TENTH), dataset))[-1]
    assert "values" not in vars(dataset)
    assert last.iteration == 5


def test_a_result_goes_on_from_either() -> None:
    begun = steps(small())[2].result
    ends = [steps(small(*changes), begun)[-1].result for changes in ((), (TENTH,))]
    np.testing.assert_array_equal(ends[0].estimate.object, ends[1].estimate.object)


def test_the_memory_that_is_told_keeps_to_the_limit() -> None:
    dataset = load("sample:si_sigma9")
    assert estimate_memory(small(TENTH), dataset).data <= BYTES / 10
    assert estimate_memory(small(), dataset).data == BYTES


# --- what stays in its file -------------------------------------------------------------------------


def values() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 9, (5, 7, 12, 12)).astype(np.uint16)


@pytest.fixture(params=["hdf5", "memory map", "array"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param == "array":
        return values()
    if request.param == "memory map":
        np.save(tmp_path / "patterns.npy", values())
        return np.load(tmp_path / "patterns.npy", mmap_mode="r")
    with h5py.File(tmp_path / "patterns.h5", "w") as file:
        file.create_dataset("data", data=values(), chunks=(2, 3, 12, 12), compression="gzip")
    return h5py.File(tmp_path / "patterns.h5")["data"]


@pytest.mark.parametrize("seed", range(3))
def test_any_positions_of_any_part_are_read(source: Any, seed: int) -> None:
    random = np.random.default_rng(seed)
    mask = random.random((8, 8)) < 0.8
    left = Stored.of(source).cut(1, 5, 2, 7).crop(2, 10).masked(mask)
    expected = np.where(mask, values()[1:5, 2:7, 2:10, 2:10], 0)
    assert (left.shape, left.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_array_equal(left[...], expected)
    flat = expected.reshape(-1, 8, 8)
    for positions in (np.arange(20), random.permutation(20), random.integers(0, 20, 9), np.arange(3, 13)):
        np.testing.assert_array_equal(left.at(positions), flat[positions])
    np.testing.assert_array_equal(left.crop(2, 6)[...], expected[..., 2:6, 2:6])
    np.testing.assert_array_equal(left.cut(1, 3, 0, 2)[...], expected[1:3, :2])


def test_one_pass_tells_what_all_patterns_told() -> None:
    patterns = values() - 2.5
    found = survey(patterns)
    np.testing.assert_allclose(found.mean, patterns.mean(axis=(0, 1)))
    np.testing.assert_allclose(found.each, patterns.sum(axis=(2, 3)))
    assert (found.lowest, found.highest) == (patterns.min(), patterns.max())
    counts = survey(values())
    np.testing.assert_array_equal(counts.lit, values().any(axis=(0, 1)))
    assert counts.filled == np.count_nonzero(values())


def test_what_is_known_of_patterns_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    monkeypatch.setattr(stored, "_look", lambda row, look=stored._look: (looks.append(1), look(row))[1])
    dataset = Dataset(Stored.of(values()), 60e3, 30.0, 0.4, 0.05)
    first = dataset.mean_pattern
    assert dataset.replace(defocus=3.0).mean_pattern is first
    assert len(looks) == 5


# --- reading ahead ----------------------------------------------------------------------------------


@pytest.mark.parametrize("block", [1, 3, 100])
def test_parts_come_in_turn_whatever_is_read_at_once(block: int) -> None:
    patterns = np.arange(60.0).reshape(20, 3, 1)
    read: list[int] = []

    def reader(positions: np.ndarray) -> np.ndarray:
        read.append(len(positions))
        return patterns[positions]

    parts = np.array_split(np.random.default_rng(0).permutation(20), 7)
    streamed = Streamed(reader, (20, 3, 1), patterns.dtype, block)
    for part, found in zip(parts, in_turn(streamed, parts), strict=True):
        np.testing.assert_array_equal(found, patterns[part])
    assert sum(read) == 20
    assert len(read) == {1: 7, 3: 6, 100: 1}[block] or block == 3


def test_a_file_that_fails_fails_the_one_who_asked() -> None:
    def broken(positions: np.ndarray) -> np.ndarray:
        raise OSError("the disk is gone")

    streamed = Streamed(broken, (20, 3, 1), np.dtype("f4"))
    with pytest.raises(OSError, match="the disk is gone"):
        list(in_turn(streamed, np.array_split(np.arange(20), 4)))


def test_those_in_memory_are_not_read_again() -> None:
    patterns, read = np.arange(60.0).reshape(20, 3, 1), []

    def reader(positions: np.ndarray) -> np.ndarray:
        read.append(positions)
        return patterns[positions]

    own = np.array([3, 1, 7])
    held = Held.of(Streamed(reader, (20, 3, 1), patterns.dtype), own, patterns[own])
    np.testing.assert_array_equal(held[np.array([7, 3])], patterns[[7, 3]])
    assert read == []
    np.testing.assert_array_equal(held[np.array([7, 4])], patterns[[7, 4]])
    assert len(read) == 1
    assert (len(held), held.shape) == (20, patterns.shape)


# --- memory that runs out ---------------------------------------------------------------------------


def test_the_processor_goes_on_with_fewer_patterns_too(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = small("run.patterns_per_chunk=4")
    expected = [progress.loss for progress in steps(recipe)]
    far_field = view.far_field

    def tight(incident: np.ndarray, *rest: Any) -> Any:
        if len(incident) > 1:
            raise MemoryError
        return far_field(incident, *rest)

    monkeypatch.setattr(view, "far_field", tight)
    found = steps(recipe)
    assert [text for progress in found for text in progress.news] == [
        f"Memory ran out with {tried} patterns in work at once; going on with {tried // 2}."
        for tried in (4, 2)
    ]
    np.testing.assert_allclose([progress.loss for progress in found], expected, rtol=1e-4)


def test_there_is_an_end_to_halving() -> None:
    room = Room(5)
    assert room.halve(5)
    assert room.patterns == 2
    assert room.halve(5)  # another thread was quicker
    assert room.patterns == 2
    assert room.halve(2)
    assert not room.halve(1)
    assert len(room.take_news()) == 2
    assert room.take_news() == ()


def test_the_limit_is_never_read_by_an_algorithm() -> None:
    assert prepare(Recipe().with_set("run.data_memory=1"), load("sample:si_sigma9")).problem.chunk > 0
    prepared = prepare(small(TENTH), load("sample:si_sigma9"))
    half = for_detector(prepared, 0.75)
    assert half.problem.measured.shape[1:] == (48, 48)
