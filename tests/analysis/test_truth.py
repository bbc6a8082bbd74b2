from __future__ import annotations

import json
from dataclasses import replace

import h5py
import numpy as np
import pytest

from napari_mixedptycho.analysis.centroid import Fixed, Recentred
from napari_mixedptycho.analysis.motion import MotionSettings, measure
from napari_mixedptycho.analysis.render import Blob, Canvas, fit_blob, render
from napari_mixedptycho.analysis.truth import agreement, compare, match_columns
from napari_mixedptycho.errors import InputError
from tests.analysis import specimen as s


def test_a_perfect_result_agrees_perfectly():
    true = s.moving(12)
    result = s.result(s.drawn(true))
    report = compare(result, measure(result), s.truth(true))
    assert (report.n_columns, report.n_missed, report.n_extra) == (12, 0, 0)
    assert report.rendered.sd_ratio == pytest.approx(1.0, abs=0.005)
    assert report.rendered.sd_correlation == pytest.approx(1.0, abs=0.005)
    assert report.rendered.mean_position_error < 0.001
    assert report.rendered.true_sd_y == pytest.approx(report.sd_y, rel=0.01)
    assert report.blob.misfit < 0.01
    assert report.atoms.true_sd_y == pytest.approx(s.rms(true.std(axis=0)[:, 0]))
    assert report.atoms.sd_ratio == pytest.approx(1.0, abs=0.01)


def test_half_the_motion_is_reported_as_half():
    true = s.moving(12)
    result = s.result(s.drawn(true.mean(axis=0) + 0.5 * (true - true.mean(axis=0))))
    report = compare(result, measure(result), s.truth(true))
    assert report.rendered.sd_ratio == pytest.approx(0.5, abs=0.02)
    assert report.rendered.sd_correlation == pytest.approx(1.0, abs=0.02)


def test_the_same_operator_is_applied_to_the_truth():
    """The paper's window loses motion, but loses as much of the true motion; against the atoms it shows."""
    true, settings = s.moving(12), MotionSettings(centroid=Fixed())
    result = s.result(s.drawn(true))
    report = compare(result, measure(result, settings), s.truth(true), settings)
    assert report.rendered.sd_ratio == pytest.approx(1.0, abs=0.03)
    assert report.atoms.sd_ratio < 0.86


@pytest.mark.parametrize("zero", ["raw", "lowest"])
def test_columns_are_matched_even_when_the_centroid_is_far_off(zero):
    """On a negative vacuum the raw centroid may leave its column; which column it belongs to stays known."""
    true, settings = s.moving(12), MotionSettings(centroid=Fixed(zero=zero))
    result = s.result(s.drawn(true) - 0.16)
    report = compare(result, measure(result, settings), s.truth(true), settings)
    assert (report.n_columns, report.n_missed, report.n_extra) == (12, 0, 0)
    if zero == "lowest":
        assert report.rendered.sd_ratio == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.13, -0.21), (0.9, 0.7)])
def test_the_common_translation_is_removed_and_reported(shift):
    true = s.moving(8)
    result = s.result(s.drawn(true + shift))
    report = compare(result, measure(result), s.truth(true))
    assert report.n_columns >= 11  # a large shift carries a column over the margin
    np.testing.assert_allclose(report.rendered.translation, shift, atol=0.002)
    assert report.rendered.mean_position_error < 0.002
    assert report.rendered.sd_ratio == pytest.approx(1.0, abs=0.01)


def test_a_stationary_truth_has_no_ratio():
    still = s.columns()[None]
    result = s.result(s.drawn(s.moving(6, sd=0.01)))
    report = compare(result, measure(result), s.truth(still))
    assert report.sd_y > 0.005
    assert (report.rendered.true_sd_y, report.rendered.true_sd_x) == (0.0, 0.0)
    assert report.rendered.sd_ratio is None
    assert report.rendered.sd_correlation is None


def test_summary_is_plain_json_with_the_promised_names():
    true = s.moving(4)
    result = s.result(s.drawn(true))
    summary = compare(result, measure(result), s.truth(true)).summary()
    promised = {"n_columns", "sd_y", "sd_x", "true_sd_y", "true_sd_x", "sd_ratio", "sd_correlation"}
    assert promised | {"mean_position_error", "translation_y", "atoms_sd_ratio"} <= set(summary)
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary


def test_missed_and_extra_columns_are_counted():
    true = s.moving(4)
    result = s.result(s.drawn(true))
    kept = np.concatenate([s.columns()[2:], [[8.6, 4.4]]])
    report = compare(result, measure(result, columns=kept), s.truth(true))
    assert (report.n_columns, report.n_missed, report.n_extra) == (10, 2, 1)
    assert report.found.tolist() == list(range(10))
    assert report.true.tolist() == list(range(2, 12))


def test_columns_outside_the_scan_are_not_judged():
    true = s.moving(4)
    known = s.truth(true)
    inside = known.columns_in_scan.copy()
    inside[:3] = False
    result = s.result(s.drawn(true))
    assert compare(result, measure(result), replace(known, columns_in_scan=inside)).n_columns == 9


def test_another_specimen_is_refused():
    result = s.result(s.drawn(s.moving(2)))
    with pytest.raises(InputError, match="truth belong together"):
        compare(result, measure(result), s.truth(s.moving(2) + 50.0))


def test_matching_is_one_to_one_and_within_reach():
    true = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 3.0], [5.0, 5.0]])
    found = np.array([[0.0, 2.9], [0.05, 0.0], [0.3, 0.1], [3.0, 0.1], [8.0, 8.0]])
    rows, cols, drift = match_columns(found, true)
    assert dict(zip(rows.tolist(), cols.tolist(), strict=True)) == {0: 2, 1: 0, 3: 1}
    assert np.abs(drift).max() < 0.1


def test_nothing_matches_nothing():
    for found, true in ((np.zeros((0, 2)), s.columns()), (s.columns(), np.zeros((0, 2)))):
        rows, cols, drift = match_columns(found, true)
        assert len(rows) == len(cols) == 0
        assert not drift.any()


def test_agreement_by_hand():
    truth = np.array([[[1.0, 0.0], [5.0, 2.0]], [[-1.0, 0.0], [5.0, 6.0]]])
    mean = np.array([[0.5, 0.0], [5.5, 4.2]])
    sd = np.array([[0.5, 0.0], [0.0, 1.0]])
    report = agreement(mean, sd, truth)
    np.testing.assert_allclose(report.true_sd, [[1, 0], [0, 2]])
    np.testing.assert_allclose(report.translation, [0.5, 0.1])
    assert report.sd_ratio == pytest.approx(0.5)
    assert report.sd_correlation == pytest.approx(1.0)
    assert report.mean_position_error == pytest.approx(np.sqrt(0.02 / 4))


def test_rendering_puts_atoms_where_they_are():
    canvas = Canvas((61, 70), 0.2, np.zeros(2, dtype=int), np.array([-6.0, -7.0]))
    blob = Blob(screening=50.0, width=0.3, amplitude=0.4, background=0.05)
    image = render(np.array([[[0.13, -0.27, 1.0]]]), canvas, blob)[0]
    y, x = (o + 0.2 * np.arange(n) for o, n in zip(canvas.origin, canvas.shape, strict=True))
    squared = (y[:, None] - 0.13) ** 2 + (x + 0.27) ** 2
    expected = 0.05 + 0.4 / (2 * np.pi * 0.09) * np.exp(-squared / (2 * 0.09))
    np.testing.assert_allclose(image, expected, atol=2e-3 * expected.max())


@pytest.mark.parametrize("blob", [Blob(0.43, 0.12, 0.3, 0.05), Blob(0.8, 0.25, 0.2, -0.3)])
def test_the_shape_of_the_atoms_is_found_again(blob):
    atoms = s.moving(5)
    canvas = Canvas.around(s.columns(), s.SAMPLING, s.ORIGIN)
    picture = Canvas(s.SHAPE, s.SAMPLING, np.zeros(2, dtype=int), np.array(s.ORIGIN))
    found = fit_blob(atoms, render(atoms, picture, blob).mean(axis=0), canvas)
    assert found.screening == pytest.approx(blob.screening, rel=0.05)
    assert found.width == pytest.approx(blob.width, rel=0.05)
    assert found.amplitude == pytest.approx(blob.amplitude, rel=0.05)
    assert found.background == pytest.approx(blob.background, abs=0.02)


def test_a_flat_phase_cannot_be_compared():
    canvas = Canvas.around(s.columns(), s.SAMPLING, s.ORIGIN)
    with pytest.raises(InputError, match="flat"):
        fit_blob(s.moving(2), np.zeros(s.SHAPE), canvas)


@pytest.mark.parametrize("name", ["si_sigma9_tds", "si_sigma9_medium_counts"])
@pytest.mark.parametrize("limit", [1.8, 2.6])
def test_recentred_recovers_the_motion_of_the_molecular_dynamics(shared_data, name, limit):
    """Screened atoms, band-limited: the bias of the operator itself on true thermal motion."""
    with h5py.File(shared_data / f"{name}.h5") as file:
        group = file["truth"]
        atoms, mean = group["atoms_yxz"][()], group["columns_mean"][()].astype(float)
        true, inside = group["columns_per_snapshot"][()], group["columns_in_scan"][()].astype(bool)
    canvas = Canvas.around(mean[inside], s.SAMPLING, s.ORIGIN)
    drawn = render(atoms, canvas, Blob(0.39, 0.15, 0.29, 0.0))
    band = canvas.k_squared() < limit**2
    drawn = np.fft.ifft2(np.fft.fft2(drawn) * band).real
    ratios = {}
    for centroid in (Recentred(), Fixed()):
        found = centroid.positions(drawn, canvas.sampling, canvas.origin, mean[inside])
        ratios[centroid.kind] = s.rms(found.std(axis=0)) / s.rms(true[:, inside].std(axis=0))
    assert ratios["recentred"] == pytest.approx(1.0, abs=0.03)
    assert ratios["fixed"] < 0.86
