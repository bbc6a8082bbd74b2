"""Data that cannot be right: each case is refused or handled, in words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_mixedptycho.checks import check_positions, dead_pixels, doubtful_patterns, first_look, probe_width
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io import load
from napari_mixedptycho.prepare import Prepared, prepare
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import reconstruct
from tests.physics.toys import dataset, recipe
from tests.small import small, steps

QUICK = ({"name": "all", "iterations": 2},)


def counts(
    scan: tuple[int, int] = (4, 5), size: int = 16, disk: float = 200.0, dark: float = 20.0
) -> Dataset:
    """Return counted patterns: a disk, and a dark field that is lit everywhere."""
    random = np.random.default_rng(0)
    k = (np.arange(size) - size // 2) / 6
    rate = np.where(np.hypot(k[:, None], k) <= 0.6165, disk, dark)
    patterns = random.poisson(rate, (*scan, size, size)).astype(np.uint16)
    return dataset(scan, size, patterns=patterns, electrons_per_unit=1.0, name="counts")


def changed(data: Dataset, where: Any, value: float) -> Dataset:
    patterns = data.patterns.copy()
    patterns[where] = value
    return data.replace(patterns=patterns)


def told(data: Dataset, /, *words: str, **sections: Any) -> Prepared:
    """Check that the one doubt about the data holds these words, and that the data still run."""
    wish = recipe(stages=QUICK, **sections)
    prepared = prepare(wish, data)
    assert len(prepared.warnings) == 1, prepared.warnings
    for word in words:
        assert word in prepared.warnings[0]
    losses = [progress.loss for progress in reconstruct(wish, data)]
    assert np.isfinite(losses).all()
    assert losses[1] <= losses[0]
    return prepared


def refused(data: Dataset, /, *words: str, **sections: Any) -> None:
    with pytest.raises(InputError) as caught:
        prepare(recipe(**{"stages": QUICK, **sections}), data)
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")
    for word in (data.name, *words):
        assert word in text


def test_ordinary_data_raise_no_doubt() -> None:
    assert prepare(Recipe(), load("sample:si_sigma9")).warnings == ()
    assert prepare(Recipe(), load("sample:si_sigma9_static")).warnings == ()
    assert prepare(recipe(stages=QUICK, model={"states": 1, "slices": 1}), counts((8, 8))).warnings == ()


# --- patterns -------------------------------------------------------------------------------------

ONE = {"states": 1, "slices": 1}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_refused(value: float) -> None:
    data = counts()
    spoilt = changed(data.replace(patterns=data.patterns.astype(np.float32)), (1, 2, 3, 4), value)
    refused(spoilt, "NaN or infinite", "mask")


def test_negative_values_are_refused_or_taken_by_the_loss_that_knows_them() -> None:
    data = counts()
    noisy = data.replace(
        patterns=(data.patterns - 20 + np.random.default_rng(1).normal(0, 3, data.patterns.shape)).astype(
            "f4"
        )
    )
    assert noisy.patterns.min() < -9
    for kind in ("auto", "poisson", "amplitude", "anscombe", "intensity"):
        refused(noisy, "negative", "gaussian_poisson", stages=({"loss": {"kind": kind}},))
    taken = {"loss": {"kind": "gaussian_poisson", "readout": 3.0}}
    refused(noisy, "negative", stages=(taken, {"name": "second"}))
    wish = recipe(stages=({**QUICK[0], **taken},), model=ONE)
    losses = [progress.loss for progress in reconstruct(wish, noisy)]
    assert np.isfinite(losses).all()
    assert losses[1] < losses[0]


def test_empty_patterns_are_told_and_do_no_harm() -> None:
    data = changed(counts(), (1, slice(2, 4)), 0)
    told(data, "2 of 20 patterns", "2 of them nothing at all", "row 1, column 2", "scan_region", model=ONE)


def test_dim_and_flooded_patterns_are_told() -> None:
    data = counts()
    dim = changed(data, (3, 4), 1)
    told(dim, "1 of 20 patterns with less than a tenth", "row 3, column 4", model=ONE)
    flooded = changed(data, (0, 3), data.patterns[0, 3] * 12)
    told(flooded, "1 of 20 patterns with more than ten times", "row 0, column 3", model=ONE)


def test_a_part_of_the_scan_names_places_of_the_whole() -> None:
    data = changed(counts((9, 9)), (6, 3), 0)
    (found,) = doubtful_patterns(data.patterns[::3, ::3], "scan", (3, 3))
    assert "row 6, column 3" in found


@pytest.mark.parametrize(("limit", "gain"), [(2**16 - 1, 1), (2**16 - 1, 1e3), (4095, 1), (4095, 100)])
def test_saturated_pixels_are_told(limit: int, gain: float) -> None:
    bright = counts((8, 8), disk=1000).patterns.astype(np.int64)
    bright[:, ::2, 8, 8] *= int(gain)
    clipped = counts((8, 8)).replace(patterns=np.minimum(bright, limit).astype(np.uint16))
    found = [text for text in prepare(recipe(model=ONE), clipped).warnings if "limit" in text]
    assert len(found) == (1 if gain > 1 else 0)
    for text in found:
        assert f"32 values are at the detector's limit, {limit}" in text


def test_saturated_patterns_are_refused() -> None:
    data = counts(disk=5000)
    refused(data.replace(patterns=np.minimum(data.patterns, 255).astype(np.uint8)), "limit, 255", "saturated")
    refused(data.replace(patterns=np.full((4, 5, 16, 16), 255, np.uint8)), "100%", "saturated")


def test_counts_that_only_happen_to_be_equal_are_not_saturated() -> None:
    assert doubtful_patterns(counts((8, 8), disk=3, dark=0.1).patterns, "few") == []
    disk = np.zeros((4, 4, 16, 16), np.uint16)
    disk[..., 4:9, 4:9] = 300
    assert doubtful_patterns(disk, "made up") == []


@pytest.mark.parametrize("value", [0, 7])
def test_a_first_look_at_nothing(value: int) -> None:
    (told,) = first_look(np.full((2, 2, 16, 16), value, np.float32), "scan", None)
    assert f"Every value is {value}" in told


def test_a_first_look_needs_no_recipe_and_refuses_nothing() -> None:
    data = counts((6, 6))
    assert first_look(data.patterns, "scan", 1.0) == []
    spoilt = data.patterns.astype(np.float32)
    spoilt[0, 0, 1, 1] = np.nan
    assert "NaN" in first_look(spoilt, "scan", 1.0)[0]
    signed = data.patterns.astype(np.int16)
    signed[..., 4, :] = 0
    signed[2, 2, 0, 0] = -7
    negative, dead = first_look(signed, "scan", 1.0)
    assert "-7" in negative
    assert "row 4" in dead
    (saturated,) = first_look(np.full((2, 2, 16, 16), 255, np.uint8), "scan", 1.0)
    assert "saturated" in saturated


# --- detector -------------------------------------------------------------------------------------


def test_dead_rows_are_not_measured() -> None:
    for where, words in (
        ((..., 5, slice(None)), "row 5"),
        ((..., slice(7, 9), slice(None)), "row 7, 8"),
        ((..., slice(None), 3), "column 3"),
    ):
        prepared = told(changed(counts(), where, 0), words, "not measured", model=ONE)
        weight = np.fft.fftshift(prepared.problem.weight)
        expected = np.ones((16, 16))
        expected[where[1:]] = 0
        np.testing.assert_array_equal(weight, expected)


def test_dead_pixels_and_the_shadow_of_a_beam_stop_are_not_measured() -> None:
    dead = np.zeros((16, 16), bool)
    dead[3, 4] = dead[8:10, 6:9] = True
    prepared = told(changed(counts(), (..., dead), 0), "7 detector pixels", "row 3, column 4", model=ONE)
    np.testing.assert_array_equal(np.fft.fftshift(prepared.problem.weight) == 0, dead)


def test_a_dead_row_matters() -> None:
    """Taken as measured, the zeros of a dead row are explained, at the cost of everything else."""
    data = changed(counts((6, 6)), (..., 6, slice(None)), 0)
    prepared = prepare(recipe(model=ONE), data)
    assert prepared.problem.weight.sum() == 16 * 15
    assert prepare(recipe(model=ONE), counts((6, 6))).problem.weight.all()


def test_zeros_that_chance_or_optics_explain_stay_measured() -> None:
    rare = counts((4, 5), dark=0.05)  # one electron per pixel in the whole scan
    assert (rare.mean_pattern == 0).sum() > 20
    assert not dead_pixels(rare.mean_pattern, None, 20.0).any()
    assert dead_pixels(rare.mean_pattern, None, 1e6).any()  # with so many electrons chance does not
    assert not dead_pixels(dataset().mean_pattern, None, None).any()  # nothing at all outside the disk
    mask = np.ones((16, 16), bool)
    mask[5] = False
    hidden = changed(counts(), (..., 5, slice(None)), 0).replace(mask=mask)
    assert not dead_pixels(hidden.mean_pattern, mask, 20.0).any()
    assert prepare(recipe(stages=QUICK, model=ONE), hidden).warnings == ()


def test_a_mask_that_covers_everything_is_refused(tmp_path: Path) -> None:
    refused(counts().replace(mask=np.zeros((16, 16), bool)), "mask leaves no pixel")
    np.save(tmp_path / "none.npy", np.zeros((16, 16)))
    refused(counts(), "mask leaves no pixel", data={"mask": str(tmp_path / "none.npy")})


def test_an_inverted_mask_is_told() -> None:
    disk = counts().mean_pattern > 100
    told(counts((12, 12)).replace(mask=~disk), "mask leaves only 0%", model=ONE)


# --- scan -----------------------------------------------------------------------------------------


def test_one_position_runs_and_is_told() -> None:
    told(counts((1, 1)), "one scan point", model=ONE)
    told(counts(), "one scan point", model=ONE, data={"scan_region": [2, 3, 1, 2]})


def test_one_slice_and_the_smallest_detector_run() -> None:
    for size, slices in ((8, 1), (16, 1), (9, 2)):
        data = counts((6, 6), size)
        wish = recipe(stages=QUICK, model={"states": 2, "slices": slices})
        assert np.isfinite([progress.loss for progress in reconstruct(wish, data)]).all()
    with pytest.raises(InputError, match="at least 8 px"):
        counts(size=1)


def test_positions_outside_the_field_are_refused() -> None:
    geometry = prepare(recipe(model=ONE), counts()).geometry
    inside = geometry.positions(counts())
    check_positions(inside, geometry, "scan")
    check_positions(inside - 3, geometry, "scan")  # refined positions wander
    for value in (np.nan, -4.0 - geometry.size, 1e6):
        positions = inside.copy()
        positions[7, 1] = value
        with pytest.raises(InputError, match=r"scan: 1 position outside .*\(number 7\)"):
            check_positions(positions, geometry, "scan")


@pytest.mark.parametrize("value", [500.0, np.nan])
def test_positions_of_an_earlier_result_that_lie_elsewhere_are_not_taken(
    tmp_path: Path, value: float
) -> None:
    result = steps(small("stages.mixed.iterations=1"))[-1].result
    positions = result.estimate.positions.copy()
    positions[3:] += value
    result.replace(estimate=replace(result.estimate, positions=positions)).save(tmp_path / "far.h5")
    begun = steps(small(f"guess.result={tmp_path / 'far.h5'}"))[-1]
    np.testing.assert_allclose(begun.result.estimate.positions, result.estimate.positions, atol=1e-6)
    assert np.isfinite(begun.loss)


def test_the_width_of_a_probe() -> None:
    def width(defocus: float) -> float:
        data = dataset(size=64, defocus=defocus, detector_sampling=1 / 20)
        return probe_width(recipe(), data, prepare(recipe(), data).geometry)

    # Airy's pattern: 1 − J0² − J1² = 0.8 at x = 2.81; an even disk: √0.8 of its diameter.
    assert width(0.0) == pytest.approx(2.81 / np.pi * 0.04866 / 30e-3, rel=0.05)
    assert width(200.0) == pytest.approx(0.8**0.5 * 2 * 200 * 30e-3, rel=0.1)


def test_probes_that_do_not_overlap_are_refused() -> None:
    refused(counts((20, 20)), "do not overlap", "scan_step", microscope={"scan_step": 5.0})


def test_the_probe_of_an_earlier_result_may_overlap_where_the_guess_does_not(tmp_path: Path) -> None:
    wish = recipe(stages=QUICK, model=ONE, microscope={"scan_step": 5.0}, guess={"result": "r.h5"})
    assert any("overlap by 0%" in text for text in prepare(wish, counts((8, 8))).warnings)


def test_little_overlap_is_told() -> None:
    told(counts((10, 10)), "overlap by", "1.2 Å", model=ONE, microscope={"scan_step": 1.2})


def test_a_probe_wider_than_its_window_is_refused() -> None:
    for defocus in (400.0, -400.0):
        refused(counts(), "wider than its window", "defocus", microscope={"defocus": defocus})


# --- model ----------------------------------------------------------------------------------------


def test_more_states_than_electrons_are_refused() -> None:
    few = counts(disk=0.5, dark=0.0)
    refused(few, "1000 states", "a pattern holds", "fewer states", model={"states": 1000})
    refused(few, "stage 'b' has 30 states", stages=({"name": "a", "states": 1}, {"name": "b", "states": 30}))


def test_too_low_a_dose_for_states_is_told_with_its_number() -> None:
    dim = counts((4, 4), disk=40, dark=4.0)
    dose = f"{dim.dose:.2g} e/Å²"
    several = {"states": 3, "slices": 1}
    assert any("Dose too low for states" in text and dose in text for text in texts(dim, model=several))
    assert not any("Dose" in text for text in texts(dim, model=ONE))
    assert not any("Dose" in text for text in texts(counts((4, 4), disk=400), model=several))
    unknown = dim.replace(electrons_per_unit=None)  # of which the loss speaks
    assert not any("ose" in text for text in texts(unknown, model=several))


def test_a_detector_that_ends_at_the_disk_is_told_when_states_need_the_dark_field() -> None:
    data = counts((4, 4), disk=2000).replace(detector_sampling=0.09)
    (found,) = [text for text in texts(data, model={"states": 2, "slices": 1}) if "Detector small" in text]
    assert "1.17 semi-angles" in found
    assert not any("Detector small" in text for text in texts(data, model=ONE))


def texts(data: Dataset, **sections: Any) -> tuple[str, ...]:
    return prepare(recipe(stages=QUICK, **sections), data).warnings


def test_more_free_pixels_than_data_are_told() -> None:
    data = counts((4, 4), disk=400, dark=0.01)
    crowded = {"states": 20, "slices": 8}
    text = told(data, "Stage 'all'", "20 states × 8 slices", "explain noise", model=crowded).warnings[0]
    assert "hold electrons" in text
    assert prepare(recipe(stages=QUICK, model={"states": 2, "slices": 2}), data).warnings == ()
    # Displaced states share one object.
    moving = ({"name": "all", "refine": ["object", "probe", "displacement"]},)
    shared = recipe(stages=moving, model={"states": 20, "slices": 2})
    assert prepare(shared, data).warnings == ()
    assert prepare(recipe(stages=QUICK, model={"states": 20, "slices": 2}), data).warnings


@pytest.mark.parametrize("kind", ["anscombe", "gaussian_poisson"])
def test_losses_that_count_electrons_want_a_dose(kind: str) -> None:
    stages = ({"name": "all", "iterations": 1, "loss": {"kind": kind}},)
    refused(dataset(), kind, "electrons_per_unit", "'all'", stages=stages)
    assert prepare(recipe(stages=stages, model=ONE), counts())


def stages(*refine: Any, states: int = 2, slices: int = 2, **more: Any) -> Recipe:
    return recipe(
        model={"states": states, "slices": slices},
        stages=[{"name": "all", "iterations": 2, "refine": refine, **more}],
    )


def test_unknowns_without_effect_are_refused() -> None:
    for chosen, text in (
        (stages("object", "tilt", "spacing", slices=1), "refines spacing and tilt, which has no effect"),
        (stages("object", "weights", states=1), "refines weights with one state"),
    ):
        with pytest.raises(InputError, match=text):
            prepare(chosen, counts())


def test_unknowns_that_others_can_replace_are_told() -> None:
    def told(chosen: Recipe) -> str:
        return " ".join(prepare(chosen, counts()).warnings)

    assert "free slices can lean" in told(stages("object", "tilt"))
    alike = {"penalties": [{"kind": "slice_similarity", "weight": 0.1}]}
    assert "free slices can lean" not in told(stages("object", "tilt", **alike))
    assert "wider source" in told(stages("object", "source"))
    assert "wider source" not in told(stages("object", "source", states=1))
    assert "thermal motion scatters alike" in told(stages("object", "background"))


def test_a_band_limit_below_the_measured_angles_is_told() -> None:
    def told(**model: Any) -> str:
        return " ".join(prepare(recipe(model={"states": 1, **model}), counts()).warnings)

    assert "looks like motion" in told(band_limit=0.5, padding=1.0)
    assert "looks like motion" not in told(band_limit=0.5, padding=2.0)
    assert "looks like motion" not in told()


def test_no_mean_and_nothing_negative_is_refused() -> None:
    for chosen in (
        stages("object", "probe", constraints=["mean_phase", "positivity"]),
        recipe(
            model={"object_type": "potential"},
            stages=[{"name": "all", "iterations": 2, "constraints": ["mean_phase"]}],
        ),
    ):
        with pytest.raises(InputError, match="nowhere negative"):
            prepare(chosen, counts())
