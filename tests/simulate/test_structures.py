"""Crystals, files and motion: the atoms are where they should be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.simulate import CRYSTALS, SimulationSettings, open_structure, prepare_simulation
from napari_mixedptycho.simulate.elements import element
from napari_mixedptycho.simulate.motion import Debye, DebyeWaller, Einstein, Still, snapshots_of
from napari_mixedptycho.simulate.specimen import Specimen

DISTANCES = {  # Å: bond lengths
    "silicon": 2.352,
    "silicon-100": 2.352,
    "germanium": 2.450,
    "gallium-arsenide": 2.448,
    "gold": 2.884,
    "aluminium": 2.863,
    "magnesium-oxide": 2.106,
    "strontium-titanate": 1.953,
    "graphene": 1.421,
    "hbn": 1.446,
    "mos2": 2.405,
}


def specimen(name: str, *changes: str) -> Specimen:
    settings = SimulationSettings()
    for change in ("specimen.motion.kind=still", *changes):
        settings = settings.with_set(change)
    return prepare_simulation(settings, open_structure(name)).specimen


@pytest.mark.parametrize("name", CRYSTALS)
def test_bonds_are_as_long_as_they_are(name: str) -> None:
    made = specimen(name, "specimen.thickness=12.0")
    atoms = made.snapshots[0]
    middle = np.array([4.6, 4.6])
    inner = atoms[(np.abs(atoms[:, :2] - middle) < 5).all(axis=1)]
    near = cKDTree(atoms).query(inner, k=2)[0][:, 1]
    assert near.min() == pytest.approx(DISTANCES[name], abs=0.012)


@pytest.mark.parametrize("name", ["silicon", "gold", "strontium-titanate"])
def test_crystals_are_as_dense_as_their_cell(name: str) -> None:
    made, crystal = specimen(name), CRYSTALS[name]
    box = np.ptp(made.snapshots[0], axis=0)[:2] + np.array(crystal.cell[:2]) / 2
    density = len(made.symbols) / (box.prod() * made.thickness)
    assert density == pytest.approx(len(crystal.sites) / np.prod(crystal.cell), rel=0.1)


def test_the_dumb_bells_of_silicon_are_136_pm_apart() -> None:
    made = specimen("silicon")
    count = made.columns.max() + 1
    mean = np.stack([np.bincount(made.columns, made.snapshots[0][:, i]) for i in (0, 1)], axis=1)
    mean /= np.bincount(made.columns)[:, None]
    near = cKDTree(mean).query(mean, k=2)[0][:, 1]
    assert count > 50
    assert np.median(near) == pytest.approx(5.431 / 4, abs=1e-6)


def test_a_slice_holds_whole_layers() -> None:
    made = specimen("silicon", "specimen.thickness=7.7")
    assert made.slice_count == 4
    assert made.thickness == pytest.approx(2 * 5.431 / np.sqrt(2))
    for index in range(4):
        assert np.ptp(made.snapshots[0][made.slices == index, 2]) < 1e-6
    assert specimen("graphene").slice_count == 1


def test_turning_the_crystal_turns_its_columns() -> None:
    straight, turned = specimen("gold"), specimen("gold", "specimen.rotation=30")
    middle = np.array([4.6, 4.6])
    for made, angle in ((straight, 0.0), (turned, np.deg2rad(30))):
        offsets = made.snapshots[0][:, :2] - middle
        near = offsets[np.hypot(*offsets.T) < 8]
        # Columns lie on a square lattice of 2.04 Å: turned back, all are whole multiples from one of them.
        back = near @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        steps = (back - back[0]) / (4.0782 / 2)
        assert np.abs(steps - np.rint(steps)).max() < 1e-6


def test_missing_columns_are_missing() -> None:
    whole, holed = specimen("silicon"), specimen("silicon", "specimen.missing=[[4.6, 4.6]]")
    assert len(whole.symbols) - len(holed.symbols) == 2
    assert holed.columns.max() == whole.columns.max() - 1


@pytest.mark.parametrize(
    ("motion", "expected"),
    [
        (Einstein(u_rms=0.07), 0.07),
        (DebyeWaller(b_factor=0.5), np.sqrt(0.5 / (8 * np.pi**2))),
        (Still(), 0.0),
    ],
)
def test_atoms_move_by_what_is_asked(motion: Einstein | DebyeWaller | Still, expected: float) -> None:
    frames = np.zeros((1, 400, 3))
    moved = snapshots_of(motion, ("Si",) * 400, frames, 50, seed=3)
    if not expected:
        assert len(moved) == 1
        return
    # 20 000 draws per axis: the sd is known to 0.5 %.
    assert moved.std(axis=(0, 1)) == pytest.approx(np.full(3, expected), rel=0.02)
    # Independent: the mean of all atoms moves by 1/√400 of it.
    assert moved.mean(axis=1).std() == pytest.approx(expected / 20, rel=0.25)


def test_debye_motion_has_both_its_limits() -> None:
    hbar, mass, boltzmann = 1.054571817e-34, element("Si").mass * 1.66053906660e-27, 1.380649e-23
    cold = Debye(debye_temperature=640.0, temperature=0.0).spread("Si") ** 2
    assert cold == pytest.approx(3 * hbar**2 / (4 * mass * boltzmann * 640) * 1e20, rel=1e-4)
    hot = Debye(debye_temperature=100.0, temperature=5000.0).spread("Si") ** 2
    assert hot == pytest.approx(3 * hbar**2 * 5000 / (mass * boltzmann * 100**2) * 1e20, rel=1e-3)
    assert Debye(debye_temperature=640.0).spread("Si") == pytest.approx(0.066, abs=0.004)


def test_the_atoms_of_a_sample_stay_where_they_are() -> None:
    structure = open_structure("sample:si_sigma9")
    settings = SimulationSettings().with_set("specimen.motion.kind=frames")
    made = prepare_simulation(settings, structure).specimen
    original, mean = structure.frames.mean(axis=0), made.snapshots.mean(axis=0)
    distance, _ = cKDTree(mean).query(original)
    assert distance.max() < 1e-6
    assert len(made.snapshots) == 30


def test_a_structure_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match="no built-in crystal"):
        open_structure("unobtainium")


def test_frames_need_a_trajectory() -> None:
    settings = SimulationSettings().with_set("specimen.motion.kind=frames")
    with pytest.raises(InputError, match="single one"):
        prepare_simulation(settings, open_structure("gold"))


def test_without_ase_a_file_is_refused_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    path = tmp_path / "two.xyz"
    path.write_text("1\n\nSi 0 0 0\n")
    monkeypatch.setitem(sys.modules, "ase.io", None)
    with pytest.raises(InputError, match="ASE, which is not installed"):
        open_structure(str(path))


def test_files_that_ase_reads(tmp_path: Path) -> None:
    pytest.importorskip("ase", reason="ASE is not installed (extra structures)")
    path = tmp_path / "gold.xyz"
    edge = 4.0782
    frames = []
    for shift in (0.0, 0.1, edge - 0.1):  # the last has jumped back across the cell by 0.1 Å
        sites = [(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)]
        lines = [f"Au {(x * edge + shift) % edge} {y * edge} {z * edge}" for x, y, z in sites]
        lattice = f'Lattice="{edge} 0 0 0 {edge} 0 0 0 {edge}" Properties=species:S:1:pos:R:3 pbc="T T T"'
        frames.append(f"4\n{lattice}\n" + "\n".join(lines) + "\n")
    path.write_text("".join(frames))
    structure = open_structure(str(path))
    assert structure.symbols == ("Au",) * 4
    # y, x, z; x moves by 0, 0.1 and −0.1 Å, without jumps.
    moves = (structure.frames - structure.frames[0])[:, 0]
    assert moves == pytest.approx(np.array([[0, 0, 0], [0, 0.1, 0], [0, -0.1, 0]]), abs=1e-6)
    along_x = open_structure(str(path), axis="x")
    moves = (along_x.frames - along_x.frames[0])[:, 0]
    assert moves == pytest.approx(np.array([[0, 0, 0], [0, 0, 0.1], [0, 0, -0.1]]), abs=1e-6)
    (tmp_path / "broken.cif").write_text("not a structure")
    with pytest.raises(InputError, match="ASE cannot read"):
        open_structure(str(tmp_path / "broken.cif"))
