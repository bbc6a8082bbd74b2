"""Simulated patterns: energy, agreement with abTEM, noise, geometry."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io import load, sample_path
from napari_mixedptycho.simulate import (
    Simulation,
    SimulationSettings,
    open_structure,
    prepare_simulation,
)
from napari_mixedptycho.simulate.patterns import source_points
from napari_mixedptycho.simulate.potential import Layers

SMALL = (
    "device=cpu",
    "threads=1",
    "beam.dose=none",
    "scan.shape=[4, 4]",
    "detector.size=32",
    "detector.max_angle=60.0",
    "specimen.snapshots=2",
)


def wish(*changes: str) -> SimulationSettings:
    settings = SimulationSettings()
    for change in (*SMALL, *changes):
        settings = settings.with_set(change)
    return settings


def made(name: str, *changes: str) -> Simulation:
    return prepare_simulation(wish(*changes), open_structure(name))


def test_no_electron_is_lost_but_beyond_the_band_limit() -> None:
    # All slices are phases, so that with a detector as large as the grid's band everything is seen.
    whole = made("silicon", "detector.max_angle=200.0", "detector.size=108", "accuracy.pixel=0.08")
    total = whole.patterns().sum(axis=(-2, -1))
    assert total == pytest.approx(np.ones((4, 4)), abs=2e-3)
    part = made("gold", "specimen.thickness=20").patterns().sum(axis=(-2, -1))
    assert (part < 0.97).all() and (part > 0.3).all()


def bilinear(layers: Layers, places: np.ndarray, symbols: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Draw atoms as abTEM 1.0 draws them: each as four pixels in proportion."""
    from napari_mixedptycho.simulate.elements import element

    grid, step = np.zeros(shape), layers.sampling
    first = np.floor(places / step).astype(int)
    part = places / step - first
    for y in (0, 1):
        for x in (0, 1):
            weight = np.abs(1 - y - part[:, 0]) * np.abs(1 - x - part[:, 1])
            np.add.at(grid, ((first[:, 0] + y) % shape[0], (first[:, 1] + x) % shape[1]), weight)
    square = np.fft.fftfreq(shape[0], step)[:, None] ** 2 + np.fft.rfftfreq(shape[1], step) ** 2
    factor = element(str(symbols[0])).phase(square, layers.energy)
    return np.fft.irfft2(np.fft.rfft2(grid) * factor, s=shape) / step**2


def test_the_sample_that_abtem_made_comes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    sample = load("sample:si_sigma9_static")
    assert sample.electrons_per_unit is not None
    electrons = 1e6 * sample.scan_step**2
    counted = sample.values[:5, :5].astype(float) * sample.electrons_per_unit
    changes = ("scan.shape=[5, 5]", "detector.size=64", "specimen.motion.kind=still", "accuracy.pixel=0.1251")
    settings = wish(*changes, f"detector.max_angle={sample.max_angle}")
    simulation = prepare_simulation(settings, open_structure("sample:si_sigma9_static"))
    truth = simulation.dataset.truth
    assert truth is not None and sample.truth is not None
    bright = counted.mean(axis=(0, 1)) > 10

    def excess() -> float:
        """Return χ² per pixel of the disk: 1 for patterns that differ by counting noise alone."""
        expected = simulation.patterns() * electrons
        mean, counts = expected.sum(axis=(0, 1))[bright], counted.sum(axis=(0, 1))[bright]
        return float(((counts - mean) ** 2 / mean).mean())

    exact = simulation.patterns().astype(float)
    difference = np.linalg.norm(counted.mean(axis=(0, 1)) / electrons - exact.mean(axis=(0, 1)))
    # In 25 patterns of 400 electrons per pixel counting noise alone is 1.0 %; without it 0.15 % are left.
    assert difference / np.linalg.norm(exact.mean(axis=(0, 1))) < 0.012
    ours = excess()
    # χ² of 421 pixels is known to 0.07.
    assert ours < 1.25
    monkeypatch.setattr(Layers, "_phase", bilinear)
    assert excess() < ours


def test_the_potential_that_abtem_drew_comes_out() -> None:
    with h5py.File(sample_path("si_sigma9_static")) as file:
        group = file["truth"]
        if "projected_potential_VA" not in group:
            pytest.skip("the sample does not hold its potential")
        node = group["projected_potential_VA"]
        stored = np.asarray(node, float) * node.attrs["sigma_rad_per_VA"]
        corner, step = node.attrs["origin_yx_A"], float(node.attrs["sampling_A"])
        places = np.asarray(group["atoms_yxz"][0, :, :2], float) - corner
    symbols = np.full(len(places), "Si")
    layers = Layers(symbols, np.zeros(len(places), np.int64), 1, 60e3, step)
    exact = layers._phase(places, symbols, stored.shape)
    drawn = bilinear(layers, places, symbols, stored.shape)
    assert exact.mean() == pytest.approx(stored.mean(), rel=1e-4)
    assert np.linalg.norm(drawn - stored) / np.linalg.norm(stored) < 0.005
    # Four pixels instead of a place: a blur by 0.05 Å, which is what the two programs differ by.
    assert 0.03 < np.linalg.norm(exact - stored) / np.linalg.norm(stored) < 0.1


def test_a_wrong_sign_of_defocus_would_be_seen() -> None:
    sample = load("sample:si_sigma9_static")
    changes = ("scan.shape=[5, 5]", "detector.size=64", "specimen.motion.kind=still", "accuracy.pixel=0.1251")
    settings = wish(*changes, f"detector.max_angle={sample.max_angle}", "beam.defocus=-50.0")
    wrong = (
        prepare_simulation(settings, open_structure("sample:si_sigma9_static")).patterns().mean(axis=(0, 1))
    )
    counted = sample.values[:5, :5].mean(axis=(0, 1)) * (sample.electrons_per_unit or 0) / 160_000
    assert np.linalg.norm(counted - wrong) / np.linalg.norm(wrong) > 0.02


def test_counts_are_poisson() -> None:
    # Ten steps of the scan are a lattice constant: every tenth pattern is the same, and the face centres too.
    step = 4.0782 / 10
    changes = ("beam.dose=1e4", f"scan.step={step}", "scan.shape=[40, 40]", "specimen.motion.kind=still")
    simulation = made("gold", *changes, "detector.size=16", "specimen.thickness=4")
    counts = simulation.patterns().astype(float)
    same = np.concatenate([counts[::10, ::10], counts[5::10, 5::10]]).reshape(-1, 16, 16)
    mean, variance = same.mean(axis=0), same.var(axis=0, ddof=1)
    lit = mean > 0.5
    # 32 patterns and more than 40 pixels: the mean of variance ÷ mean is known to 4 %.
    assert lit.sum() > 40
    assert (variance[lit] / mean[lit]).mean() == pytest.approx(1.0, abs=0.12)
    expected = float(simulation.expected(0, 40).sum(dtype=float)) * 1e4 * step**2
    assert counts.sum() == pytest.approx(expected, abs=5 * expected**0.5)
    assert simulation.patterns().dtype == np.uint16


def test_the_same_seed_gives_the_same_whatever_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    changes = ("beam.dose=1e5", "seed=7")
    once = made("graphene", *changes).patterns()
    monkeypatch.setattr("napari_mixedptycho.simulate.patterns._BLOCK", 1)
    monkeypatch.setattr("napari_mixedptycho.simulate.patterns._OBJECT", 1)
    blocks = list(made("graphene", *changes).blocks())
    assert [len(block) for block in blocks] == [1, 1, 1, 1]
    # Grids of other sizes round differently in the last bits, which may move single counts.
    assert (np.concatenate(blocks) != once).mean() < 1e-3
    assert (made("graphene", "beam.dose=1e5", "seed=8").patterns() != once).any()


@pytest.mark.parametrize(("points", "bound"), [(3, 0.012), (4, 0.003)])
def test_a_wide_source_blurs_the_scan(points: int, bound: float) -> None:
    # Over a scan of one lattice constant, a source of finite size is a blur of the patterns along the scan.
    step = 4.0782 / 16
    changes = (
        "scan.shape=[16, 16]",
        f"scan.step={step}",
        "specimen.motion.kind=still",
        "specimen.thickness=4",
    )
    sharp = made("gold", *changes).patterns().astype(float)
    wide = (
        made("gold", *changes, "beam.source_size=0.3", f"accuracy.source_points={points}")
        .patterns()
        .astype(float)
    )
    blurred = gaussian_filter(sharp, (0.3 / step, 0.3 / step, 0, 0), mode="wrap", truncate=6)
    assert np.linalg.norm(wide - blurred) / np.linalg.norm(blurred) < bound
    assert np.linalg.norm(sharp - blurred) / np.linalg.norm(blurred) > 0.05


@pytest.mark.parametrize("count", [2, 3, 4])
def test_source_points_have_the_moments_of_a_gaussian(count: int) -> None:
    points, weights = source_points(0.3, count)
    assert weights.sum() == pytest.approx(1)
    assert (weights[:, None] * points).sum(axis=0) == pytest.approx(np.zeros(2), abs=1e-12)
    assert (weights[:, None] * points**2).sum(axis=0) == pytest.approx(np.full(2, 0.09))


def test_turning_scan_and_crystal_together_turns_the_patterns() -> None:
    # By a quarter turn, where the detector's grid comes to lie on itself (but for its first row and column).
    plain = made("hbn", "scan.shape=[3, 3]", "specimen.motion.kind=still").patterns()
    turned = made(
        "hbn", "scan.shape=[3, 3]", "specimen.motion.kind=still", "scan.rotation=90", "specimen.rotation=90"
    ).patterns()
    # x towards y: kx becomes ky and ky becomes −kx.
    expected = np.swapaxes(plain, -1, -2)[..., 1:, :0:-1]
    assert turned[..., 1:, 1:] == pytest.approx(expected, abs=1e-6)
    assert np.abs(plain[..., 1:, 1:] - expected).max() > 1e-4


@pytest.mark.parametrize(
    "change", ["detector.transpose=true", "detector.flip_y=true", "detector.flip_x=true"]
)
def test_a_detector_that_lies_otherwise_is_set_right_by_the_same_setting(change: str) -> None:
    from napari_mixedptycho.orientation import Orientation

    name = change.partition(".")[2].partition("=")[0]
    plain, stored = made("hbn").patterns(), made("hbn", change).patterns()
    right = Orientation(**{name: True}).applied(stored)
    assert (plain != stored).any()
    assert (right[..., 1:, 1:] == plain[..., 1:, 1:]).all()


def test_descan_moves_the_patterns_as_the_recipe_says() -> None:
    moved = made("graphene", "detector.descan=[1.0, 0.0, 0.0, -1.0]", "scan.shape=[3, 3]").patterns()
    straight = made("graphene", "scan.shape=[3, 3]").patterns()
    rows = np.arange(32) - 16
    for y in range(3):
        for x in range(3):
            centre = [(moved[y, x].sum(axis=1 - axis) * rows).sum() for axis in (0, 1)]
            before = [(straight[y, x].sum(axis=1 - axis) * rows).sum() for axis in (0, 1)]
            assert centre[0] - before[0] == pytest.approx(y - 1, abs=0.05)
            assert centre[1] - before[1] == pytest.approx(-(x - 1), abs=0.05)


def test_the_truth_tells_the_motion_that_was_asked() -> None:
    simulation = made(
        "silicon", "specimen.snapshots=400", "specimen.motion.u_rms=0.08", "specimen.thickness=7.7"
    )
    truth = simulation.dataset.truth
    assert truth is not None
    # Two atoms in a column that move on their own: 0.08/√2 per axis.
    sd = np.sqrt(truth.columns_per_snapshot.var(axis=0).mean())
    assert sd == pytest.approx(0.08 / np.sqrt(2), rel=0.02)
    inside = truth.columns_mean[truth.columns_in_scan]
    assert ((inside > -1e-6) & (inside < 1.2 + 1e-6)).all()


def test_the_truth_of_a_turned_scan_lies_along_the_scan() -> None:
    from napari_mixedptycho.preprocess import truth_in

    changes = ("scan.shape=[10, 14]", "specimen.motion.kind=still", "scan.rotation=35")
    simulation = made("gold", *changes)
    truth = simulation.dataset.truth
    assert truth is not None
    inside = truth.columns_mean[truth.columns_in_scan]
    assert ((inside >= -1e-9) & (inside <= np.array([9, 13]) * 0.4 + 1e-9)).all()
    assert len(inside) == pytest.approx(9 * 13 * 0.16 / (4.0782 / 2) ** 2, abs=3)
    # Turned to the detector's axes it is where the atoms were put.
    seen = truth_in(simulation.dataset, None)
    assert seen is not None
    atoms = simulation.specimen.snapshots[:, simulation.told]
    assert seen.atoms == pytest.approx(atoms, abs=1e-9)
    holed = made("gold", *changes, "specimen.missing=[[1.8, 2.6]]").dataset.truth
    assert holed is not None
    gone = np.hypot(*(truth.columns_mean - [1.8, 2.6]).T).argmin()
    assert np.hypot(*(holed.columns_mean - truth.columns_mean[gone]).T).min() > 1.0


def test_atoms_that_have_their_place_keep_it_along_a_turned_scan() -> None:
    changes = ("specimen.motion.kind=frames", "scan.shape=[20, 20]")
    plain, turned = (made("sample:si_sigma9", *changes, f"scan.rotation={a}") for a in (0, 25))
    one, two = plain.dataset.truth, turned.dataset.truth
    assert one is not None and two is not None
    order, same = (np.lexsort(t.columns_mean.round(4).T) for t in (one, two))
    assert one.columns_mean[order] == pytest.approx(two.columns_mean[same], abs=1e-6)


def test_a_single_row_holds_the_columns_on_it_and_tells_those_beside_it() -> None:
    truth = made("gold", "scan.shape=[1, 12]", "specimen.motion.kind=still").dataset.truth
    assert truth is not None
    assert np.abs(truth.columns_mean[truth.columns_in_scan, 0]).max() < 1e-6
    assert 0 < len(truth.columns_mean) < 40
    assert np.abs(truth.columns_mean[:, 0]).max() <= 3.0


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="disk"):
        made("gold", "detector.max_angle=20.0")
    with pytest.raises(InputError, match="wider than its window"):
        made("gold", "beam.defocus=3000.0")
