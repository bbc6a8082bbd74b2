"""Every small unknown: its gradient in double precision, and that it means what it says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import convolve1d, gaussian_filter
from scipy.special import ive

from napari_mixedptycho.engine.beam import source_points
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.forward import Objective, predict
from napari_mixedptycho.engine.losses import PoissonLoss
from napari_mixedptycho.engine.occupancy import FLOOR, occupancy
from napari_mixedptycho.engine.problem import Problem
from napari_mixedptycho.engine.unknowns import CLASSES
from napari_mixedptycho.engine.unknowns.scan import decompose
from napari_mixedptycho.engine.unknowns.weights import Entropy
from napari_mixedptycho.optics import ABERRATIONS, parametric_probe, propagator, wavelength
from tests.physics.toys import ENERGY, SAMPLING, SPACING, Toy, inner, random_like

RANDOM = np.random.default_rng(11)
SMALL = [name for name in CLASSES if name not in ("object", "probe", "positions", "displacement")]


def values(toy: Toy, points: int) -> dict[str, Any]:
    """Return a value of every small unknown, away from where it has no effect."""
    return {
        "scan": np.eye(2) + RANDOM.normal(0, 1e-3, (2, 2)),
        "tilt": RANDOM.normal(0, 20, (1, 2)),
        "spacing": np.array([1.2 * SPACING]),
        "aberrations": RANDOM.normal(0, 1, 8) * [5, 5, 5, 100, 100, 100, 100, 3e3],
        "source": np.array([0.3]),
        "intensity": RANDOM.uniform(0.5, 1.5, points),
        "background": RANDOM.uniform(0.5, 1.5, (toy.detector, toy.detector)),
        "blur": np.array([0.7]),
        "descan": RANDOM.normal(0, 0.5, (points, 2)),
        "weights": RANDOM.normal(0, 0.5, toy.states),
    }


def problem(toy: Toy, source: int = 7) -> Problem:
    return toy.problem(
        toy.estimate(0),
        sampling=SAMPLING,
        spacing=SPACING,
        wavelength=wavelength(ENERGY),
        source_points=source,
    )


@pytest.mark.parametrize("kind", ["phase", "complex"])
@pytest.mark.parametrize("name", SMALL)
def test_gradient_alone(name: str, kind: str) -> None:
    toy = Toy(2, 3, 2, 8, 12, kind)
    estimate = replace(toy.estimate(1), **{name: values(toy, toy.points)[name]})
    compare(Objective.of(problem(toy), PoissonLoss()), estimate, (name,))


@pytest.mark.parametrize("source", [4, 7])
@pytest.mark.parametrize(("states", "slices", "modes"), [(1, 1, 1), (3, 2, 1), (2, 3, 2)])
@pytest.mark.parametrize("batch", [None, [2], [4, 1, 3]], ids=["all", "one", "three"])
def test_gradients_of_all_together(
    states: int, slices: int, modes: int, source: int, batch: list[int] | None
) -> None:
    toy = Toy(states, slices, modes, 7, 10)
    estimate = replace(toy.estimate(1), **values(toy, toy.points))
    estimate = replace(estimate, tilt=RANDOM.normal(0, 20, (toy.points, 2)))
    names = ("object", "probe", "positions", *SMALL)
    if slices == 1:
        names = tuple(name for name in names if name not in ("tilt", "spacing"))
    if states == 1:
        names = tuple(name for name in names if name != "weights")
    chosen = None if batch is None else np.array(batch)
    compare(Objective.of(problem(toy, source), PoissonLoss()), estimate, names, chosen)


FINE = {"scan": 1e-5, "tilt": 1e-2, "aberrations": 1e-3, "probe": 1e-2}
"""Steps of finite differences that are not 1e-4 of the unknown's own unit."""


def compare(objective: Objective, estimate: Estimate, names: tuple[str, ...], batch: Any = None) -> None:
    _, gradient = objective.value_and_gradient(estimate, names, batch)
    assert set(gradient) == set(names)
    for name in names:
        value = getattr(estimate, name)
        assert gradient[name].shape == value.shape
        unit = [5, 5, 5, 100, 100, 100, 100, 3e3] if name == "aberrations" else 1.0
        along = gradient[name] * unit
        move = unit * (along / np.abs(along).max() + 0.3 * random_like(value, RANDOM))
        step = FINE.get(name, 1e-4)
        values = {
            k: objective.value_and_gradient(replace(estimate, **{name: value + k * step * move}), (), batch)[
                0
            ]
            for k in (-2, -1, 1, 2)
        }
        expected = (8 * (values[1] - values[-1]) - (values[2] - values[-2])) / (12 * step)
        assert inner(gradient[name], move) == pytest.approx(expected, rel=1e-5), name


def test_entropy_has_the_right_gradient_and_prefers_equal_shares() -> None:
    estimate = replace(Toy(4).estimate(0), weights=RANDOM.normal(0, 1, 4))
    term, move = Entropy(0.3), RANDOM.normal(size=4)
    _, gradient = term.value_and_gradient(estimate)
    ahead, behind = (
        term.value_and_gradient(replace(estimate, weights=estimate.weights + h * move))[0]
        for h in (1e-5, -1e-5)
    )
    assert inner(gradient["weights"], move) == pytest.approx((ahead - behind) / 2e-5, rel=1e-6)
    assert ahead > 0
    assert term.value_and_gradient(replace(estimate, weights=np.zeros(4)))[0] == pytest.approx(0, abs=1e-15)


# --- what they mean -------------------------------------------------------------------------------


def smooth(toy: Toy) -> Estimate:
    """Return an estimate whose waves vanish before the edge of the window."""
    estimate = toy.estimate(0)
    place = np.arange(toy.padded) - toy.padded // 2
    round_wave = np.exp(-(place[:, None] ** 2 + place**2) / 8)
    stored = gaussian_filter(estimate.object, (0, 0, 2, 2), mode="wrap")
    return replace(estimate, object=3 * stored, probe=30 * round_wave[None].astype(complex))


def patterns(toy: Toy, estimate: Estimate, source: int = 7) -> Any:
    return predict(problem(toy, source), estimate, np.arange(toy.points))


def test_a_tilted_specimen_has_slices_that_lie_one_beside_the_other() -> None:
    toy = Toy(1, 3, 1, 40, 40)
    estimate = smooth(toy)
    # One pixel from slice to slice, towards +y and −x.
    tilted = replace(estimate, tilt=1e3 * SAMPLING / SPACING * np.array([[1.0, -1.0]]))
    leaning = [np.roll(estimate.object[:, s], (s, -s), axis=(-2, -1)) for s in range(3)]
    moved = replace(estimate, object=np.stack(leaning, axis=1))
    still, found = patterns(toy, estimate), patterns(toy, tilted)
    np.testing.assert_allclose(found, patterns(toy, moved), atol=1e-4 * still.max())
    assert abs(found - still).max() > 1e-2 * still.max()


def test_spacing_is_that_of_the_propagator() -> None:
    toy = Toy(2, 3, 1, 12, 12)
    wider = propagator(toy.padded, SAMPLING, ENERGY, 5.0).astype(complex)
    expected = predict(replace(problem(toy), propagator=wider), toy.estimate(0), np.arange(5))
    found = patterns(toy, replace(toy.estimate(0), spacing=np.array([5.0])))
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_c10_is_minus_the_defocus() -> None:
    toy = Toy(1, 2, 1, 16, 16)
    probes = [parametric_probe(16, SAMPLING, ENERGY, 30.0, defocus)[None] for defocus in (20.0, 35.0)]
    aberrations = np.zeros(8)
    aberrations[ABERRATIONS.index("C10")] = -15.0
    estimate = replace(toy.estimate(0), probe=probes[0], aberrations=aberrations)
    expected = patterns(toy, replace(toy.estimate(0), probe=probes[1]))
    np.testing.assert_allclose(patterns(toy, estimate), expected, rtol=1e-9)


def test_a_source_averages_the_patterns_of_shifted_probes() -> None:
    toy = Toy(1, 1, 1, 16, 16)
    estimate = smooth(toy)
    width, nodes = 0.25, np.polynomial.hermite_e.hermegauss(9)
    exact: Any = 0
    for y, wy in zip(*nodes, strict=True):
        for x, wx in zip(*nodes, strict=True):
            ramp = np.exp(-2j * np.pi * width / SAMPLING * (y * K[:, None] + x * K))
            shifted = np.fft.ifft2(np.fft.fft2(estimate.probe) * ramp)
            exact = exact + wy * wx / (2 * np.pi) * patterns(toy, replace(estimate, probe=shifted))
    coherent = patterns(toy, estimate)
    errors = {
        count: np.linalg.norm(patterns(toy, replace(estimate, source=np.array([width])), count) - exact)
        for count in (4, 7)
    }
    size = np.linalg.norm(coherent - exact)
    assert errors[4] < 0.2 * size
    assert errors[7] < 0.5 * errors[4]


K = np.fft.fftfreq(16)


@pytest.mark.parametrize("count", [4, 7])
def test_source_points_have_the_moments_of_a_gaussian(count: int) -> None:
    points, weights = source_points(count)
    assert weights.sum() == pytest.approx(1)
    np.testing.assert_allclose((weights[:, None] * points).sum(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(np.einsum("p,pi,pj->ij", weights, points, points), np.eye(2), atol=1e-12)
    fourth = (weights * points[:, 0] ** 4).sum(), (weights * points[:, 0] ** 2 * points[:, 1] ** 2).sum()
    if count == 7:
        assert fourth == pytest.approx((3, 1))


def test_the_detector_does_what_it_says() -> None:
    toy = Toy(2, 2, 1, 12, 12)
    estimate = toy.estimate(0)
    sharp = patterns(toy, estimate)
    current = np.array([0.5, 1, 1.5, 1, 1])
    background = RANDOM.uniform(0, 3, (12, 12))
    seen = patterns(toy, replace(estimate, intensity=current, background=background))
    np.testing.assert_allclose(seen, current[:, None, None] * sharp + background, rtol=1e-12)
    shifted = patterns(toy, replace(estimate, descan=np.tile([2.0, -3.0], (5, 1))))
    np.testing.assert_allclose(shifted, np.roll(sharp, (2, -3), axis=(1, 2)), rtol=1e-9)
    blurred = patterns(toy, replace(estimate, blur=np.array([1.1])))
    kernel = ive(np.abs(np.arange(-10, 11)), 1.1**2)  # the discrete Gaussian of this variance
    expected = convolve1d(convolve1d(sharp, kernel, 1, mode="wrap"), kernel, 2, mode="wrap")
    np.testing.assert_allclose(blurred, expected, rtol=1e-6)
    np.testing.assert_allclose(blurred.sum(axis=(1, 2)), sharp.sum(axis=(1, 2)), rtol=1e-12)


@pytest.mark.parametrize("width", [0.1, 0.3, 0.6, 2.0])
def test_a_blurred_pattern_is_nowhere_negative(width: float) -> None:
    toy = Toy(1, 1, 1, 16, 16)
    spot = np.zeros((16, 16), complex)
    spot[8, 8] = 10.0
    flat = replace(toy.estimate(0), object=0 * toy.estimate(0).object, probe=np.fft.ifft2(spot)[None])
    assert patterns(toy, replace(flat, blur=np.array([width]))).min() >= 0


def test_weights_are_shares_of_the_light() -> None:
    toy = Toy(2, 2, 1, 12, 12)
    estimate = toy.estimate(0)
    weights = np.array([0.4, -0.3])
    share = occupancy(weights)
    assert share.mean() == pytest.approx(1)
    each = [patterns(toy, replace(estimate, object=estimate.object[[s]])) for s in (0, 1)]
    found = patterns(toy, replace(estimate, weights=weights))
    np.testing.assert_allclose(found, share[0] * each[0] + share[1] * each[1], rtol=1e-12)
    np.testing.assert_allclose(
        patterns(toy, replace(estimate, weights=np.zeros(2))), patterns(toy, estimate), rtol=1e-12
    )
    assert occupancy(np.array([50.0, 0, 0])).min() == pytest.approx(FLOOR)


def test_a_map_of_the_scan_moves_the_positions() -> None:
    toy = Toy(1, 1, 1, 12, 12)
    estimate = toy.estimate(0)
    scan = np.array([[1.01, 0.004], [-0.006, 0.99]])
    centre = (np.array(estimate.object.shape[-2:]) - 1) / 2
    moved = centre + (estimate.positions - centre) @ scan.T
    found = patterns(toy, replace(estimate, scan=scan))
    np.testing.assert_allclose(found, patterns(toy, replace(estimate, positions=moved)), rtol=1e-9)


def test_a_map_is_described_by_scale_rotation_and_shear() -> None:
    angle = np.radians(1.5)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    # Columns are where +y and +x go: +x turns towards +y.
    (slow, fast), rotation, shear = decompose(turn @ np.diag([1.02, 0.97]))
    assert (slow, fast, rotation, shear) == pytest.approx((1.02, 0.97, 1.5, 0.0))
    leaning = np.array([[1.0, 0.0], [np.tan(np.radians(-2.0)), 1.0]])
    assert decompose(leaning)[1:] == pytest.approx((0.0, 2.0))
