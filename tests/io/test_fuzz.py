"""Damaged and hostile files: a clear error within a second, no crash, no memory, no file touched.

A crash of a library would take the test with it; the longer hunt:
`python -m tests.io.test_fuzz FIRST LAST`.
"""

from __future__ import annotations

import importlib.util
import os
import random
import sys
import time
import tracemalloc
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import numpy as np
import pytest

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io import Layout, data_path, load, read_contents
from tests.io.formats import SAMPLES, STACK, Sample, ours
from tests.io.hostile import TRICKS

SEEDS = range(12)
SECONDS = 2.0
"""Of the processor: the machine may be busy."""
MEMORY = 2**28


def damaged(content: bytes, chance: random.Random) -> bytes:
    """Cut a file off, or change some of its bytes, often those of its header."""
    how, changed = chance.choice(("cut", "bytes", "bytes", "head", "zero")), bytearray(content)
    if how == "cut" or not changed:
        return bytes(changed[: chance.randrange(len(changed) + 1)])
    reach = min(len(changed), 2048) if how == "head" else len(changed)
    if how == "zero":
        start = chance.randrange(len(changed))
        changed[start : start + 64] = bytes(len(changed[start : start + 64]))
        return bytes(changed)
    for _ in range(chance.randint(1, 40)):
        changed[chance.randrange(reach)] = chance.choice((0, 127, 128, 255, chance.randrange(256)))
    return bytes(changed)


def opened(sample: Sample, path: Path) -> str:
    """Open, read two patterns, and return how it ended; anything unexpected is raised."""
    raw = {"detector_shape": (16, 16), "number_type": "uint16"} if path.suffix == ".raw" else {}
    try:
        contents = read_contents(data_path(path), layout=Layout.parse(raw))
    except InputError as error:
        assert path.stem[:4] in str(error), "the sentence names the file"
        assert "\n" not in str(error)
        return "refused"
    try:
        for place in (0, -1):
            np.asarray(contents.patterns[(place,) * (len(contents.patterns.shape) - 2)])
    except OSError:
        return "refused when read"
    return "read"


def tried(sample: Sample, folder: Path, seeds: range) -> Counter[str]:
    """Damage one of the sample's files in as many ways as there are seeds."""
    path = folder / sample.name
    sample.write(path)
    whole = {file: file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}
    ends: Counter[str] = Counter()
    for seed in seeds:
        chance = random.Random(f"{sample.name} {seed}")
        file = chance.choice(list(whole))
        content = damaged(whole[file], chance)
        file.write_bytes(content)
        tracemalloc.start()
        began = time.process_time()
        end = opened(sample, path)
        took, peak = time.process_time() - began, tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert took < SECONDS, (sample.name, seed)
        assert peak < MEMORY, (sample.name, seed)
        assert file.read_bytes() == content, (sample.name, seed)
        file.write_bytes(whole[file])
        assert {f for f in folder.rglob("*") if f.is_file()} == set(whole), (sample.name, seed)
        ends[end] += 1
    return ends


@pytest.mark.filterwarnings("ignore")  # what libraries think of damaged files
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_damage_is_refused_in_words_or_does_no_harm(sample: Sample, tmp_path: Path) -> None:
    if sample.needs:
        pytest.importorskip(sample.needs)
    assert sum(tried(sample, tmp_path, SEEDS).values()) == len(SEEDS)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
@pytest.mark.parametrize("length", [0, 1, 40])
def test_a_file_of_almost_nothing_is_refused(sample: Sample, length: int, tmp_path: Path) -> None:
    if sample.needs:
        pytest.importorskip(sample.needs)
    path = tmp_path / sample.name
    sample.write(path)
    for file in [path] if path.is_file() else path.rglob("*"):
        if file.is_file():
            file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(InputError):
        load(path)


HOSTILE = {
    "cycle": "no dataset of four axes",
    "huge": "only 262144 bytes are there",
    "huge pattern": "patterns would have",
    "huge chunk": "would take",
    "empty": "was never written",
    "outside": "no dataset of four axes",
    "raw outside": "outside of its folder",
    "virtual outside": "outside of its folder",
    "complex": "dtype complex128",
    "text": "real numbers",
    "record": "real numbers",
    "references": "real numbers",
    "deep": "no dataset of four axes",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_hdf5_is_refused_in_words(what: str, tmp_path: Path) -> None:
    folder = tmp_path / "inside"
    folder.mkdir()
    ours(tmp_path / "secret.h5")
    path = folder / "scan.h5"
    with h5py.File(path, "w") as file:
        TRICKS[what](file, folder)
    before = path.read_bytes()
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(InputError, match=HOSTILE[what]):
        load(path)
    assert time.process_time() - began < SECONDS
    assert tracemalloc.get_traced_memory()[1] < MEMORY
    tracemalloc.stop()
    assert path.read_bytes() == before


def test_a_link_within_the_folder_is_followed(tmp_path: Path) -> None:
    ours(tmp_path / "inner.h5")
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["data"] = h5py.ExternalLink("inner.h5", "/data")
    np.testing.assert_array_equal(read_contents(tmp_path / "scan.h5").patterns[...], STACK)


def test_a_dectris_master_does_not_lead_out_of_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "inside"
    folder.mkdir()
    ours(tmp_path / "secret.h5")
    with h5py.File(folder / "x_master.h5", "w") as file:
        file.create_group("entry/instrument/detector")
        file["entry/data/data_000001"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "/data")
    with pytest.raises(InputError, match="outside of its folder"):
        load(folder / "x_master.h5")


def test_a_heap_that_makes_hdf5_run_in_circles_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["data"] = STACK
        file["data"].attrs["note"] = "a text lies in a heap"
    content = bytearray((tmp_path / "scan.h5").read_bytes())
    heap = content.index(b"GCOL")
    content[heap + 16 : heap + 64] = bytes(48)
    (tmp_path / "scan.h5").write_bytes(bytes(content))
    with pytest.raises(InputError, match="a heap of texts"):
        load(tmp_path / "scan.h5")


def test_entities_of_xml_do_not_unfold(tmp_path: Path) -> None:
    (tmp_path / "scan.xml").write_text('<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa">]><root>&a;</root>')
    with pytest.raises(InputError, match="not the header of an EMPAD scan"):
        load(tmp_path / "scan.xml")


if __name__ == "__main__":
    first, last = (int(text) for text in sys.argv[1:])
    for one in SAMPLES:
        if one.needs and importlib.util.find_spec(one.needs) is None:
            continue
        with TemporaryDirectory() as place:
            os.write(1, f"{one.name}: {dict(tried(one, Path(place), range(first, last)))}\n".encode())
