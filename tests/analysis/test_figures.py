from __future__ import annotations

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from napari_mixedptycho.analysis import figures
from napari_mixedptycho.analysis.figures.curves import power_spectrum, radial_mean
from napari_mixedptycho.analysis.figures.images import grid_shape
from napari_mixedptycho.analysis.motion import MotionSettings, measure
from napari_mixedptycho.analysis.truth import compare
from napari_mixedptycho.errors import InputError
from tests.analysis import specimen as s


@pytest.fixture(scope="module")
def measured():
    true = s.moving(6)
    result = s.result(s.drawn(true, noise=0.02))
    motion = measure(result)
    return result, motion, compare(result, motion, s.truth(true))


def labels(figure: Figure) -> str:
    """All text of a figure."""
    return " | ".join(text.get_text() for text in figure.findobj(matplotlib.text.Text))


def assert_not_blank(path):
    pixels = np.asarray(Image.open(path).convert("RGB"))
    assert min(pixels.shape[:2]) > 200
    assert pixels.reshape(-1, 3).std(axis=0).min() > 5
    assert (pixels[0] == 255).all()  # white paper up to the edge: nothing is cut off at the top


def test_all_figures_are_written_and_not_blank(tmp_path, measured):
    result, motion, comparison = measured
    written = figures.write_figures(result, tmp_path / "new" / "folder", motion, comparison)
    names = {path.stem for path in written}
    assert names == {plate.name for plate in figures.album(figures.Subject(result, motion, comparison))}
    assert names >= {"mean_phase", "states", "spectrum", "loss", "columns", "ellipses", "correlation"}
    for path in written:
        assert_not_blank(path)


def test_svg_is_written_and_the_same_every_time(tmp_path, measured):
    result, motion, _ = measured
    frame = figures.Frame.of(result)
    texts = []
    for name in ("a.svg", "b.svg"):
        path = figures.save(figures.mean_phase(result.mean_phase(), frame, motion.mean), tmp_path / name)
        texts.append(path.read_text(encoding="utf-8"))
    assert texts[0].startswith("<?xml")
    assert texts[0] == texts[1]


def test_another_suffix_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"\.png"):
        figures.save(Figure(), tmp_path / "figure.bmp")


def test_every_axis_says_its_unit(measured):
    result, motion, comparison = measured
    frame, phase = figures.Frame.of(result), result.mean_phase()
    for figure, words in (
        (figures.mean_phase(phase, frame, motion.mean), ["x (Å)", "y (Å)", "Phase (rad)", "2 Å", "11"]),
        (figures.states(result.projected_phase(), frame), ["Phase (rad)", "2 Å", "5"]),
        (
            figures.columns(motion, phase, frame, comparison),
            ["x (Å)", "x (pm)", "y (pm)", "(pm)", "×10", "true"],
        ),
        (figures.spectrum(phase, frame, {"2α": 1.23}), ["kx (1/Å)", "Spacing (Å)", "rad² Å²", "2α"]),
        (figures.loss([1.0, 0.1]), ["Iteration", "Loss (dimensionless)"]),
    ):
        text = labels(figure)
        for word in words:
            assert word in text


def test_numbers_on_the_picture_stand_at_their_columns(measured):
    result, motion, _ = measured
    axes = figures.mean_phase(result.mean_phase(), figures.Frame.of(result), motion.mean).axes[0]
    notes = {t.get_text(): t.xy for t in axes.texts if hasattr(t, "xy")}
    assert len(notes) == motion.n_columns
    for index, (y, x) in enumerate(motion.mean):
        assert notes[str(index)] == pytest.approx((x, y))


def test_pixels_lie_where_the_frame_says(measured):
    """The brightest pixel of the picture, read through its extent, is a column."""
    result, motion, _ = measured
    part, (left, right, bottom, top) = figures.Frame.of(result).cropped(result.mean_phase())
    row, col = np.unravel_index(np.argmax(part), part.shape)
    y = top + (row + 0.5) * (bottom - top) / part.shape[0]
    x = left + (col + 0.5) * (right - left) / part.shape[1]
    assert np.hypot(*(motion.mean - [y, x]).T).min() < s.SAMPLING


def test_states_share_their_limits(measured):
    result, *_ = measured
    figure = figures.states(result.projected_phase(), figures.Frame.of(result))
    clims = {axes.images[0].get_clim() for axes in figure.axes if axes.images}
    assert len(clims) == 1
    assert sum(bool(axes.images) for axes in figure.axes) == 6


def test_forty_columns_fit(measured):
    grid = np.stack(np.meshgrid(np.arange(8), np.arange(5)), -1).reshape(-1, 2) * 1.4 + 0.1
    true = grid + np.random.default_rng(0).normal(0, 0.05, (10, 40, 2))
    result = s.result(s.drawn(true))
    motion = measure(result, columns=grid)
    figure = figures.columns(motion, result.mean_phase(), figures.Frame.of(result))
    panels = [axes for axes in figure.findobj(matplotlib.axes.Axes) if axes.axison]
    assert len(panels) == 42
    assert figure.get_figheight() < 11


def spread_of(figure):
    figure.draw_without_rendering()
    return next(axes for axes in figure.findobj(matplotlib.axes.Axes) if "Spread" in axes.get_title())


def test_the_legend_covers_neither_title_nor_bars(measured):
    result, motion, comparison = measured
    axes = spread_of(figures.columns(motion, result.mean_phase(), figures.Frame.of(result), comparison))
    legend = axes.get_legend().get_window_extent()
    assert not legend.overlaps(axes.title.get_window_extent())
    assert legend.y0 >= axes.get_window_extent().y1 - 1


def test_an_unbounded_interval_reaches_the_top_of_the_chart():
    """Two states bound no spread from above: drawing no bar would claim certainty."""
    result = s.result(s.drawn(s.moving(2)))
    motion = measure(result)
    assert np.isinf(motion.sd_interval[..., 1]).all()
    axes = spread_of(figures.columns(motion, result.mean_phase(), figures.Frame.of(result)))
    bars = [path for lines in axes.collections for path in lines.get_segments()]
    assert len(bars) == 2 * motion.n_columns
    assert all(bar[:, 1].max() > axes.get_ylim()[1] for bar in bars)


@pytest.mark.parametrize("confidence", [0.05, 0.5, 0.99])
@pytest.mark.parametrize("states", [2, 3, 5])
def test_any_number_of_states_and_any_confidence_can_be_drawn(states, confidence):
    """An interval of low confidence may leave the estimate itself out."""
    result = s.result(s.drawn(s.moving(states)))
    motion = measure(result, MotionSettings(confidence=confidence))
    axes = spread_of(figures.columns(motion, result.mean_phase(), figures.Frame.of(result)))
    assert np.isfinite(axes.get_ylim()).all()


def test_no_columns_cannot_be_drawn_but_spoil_no_report(tmp_path, measured):
    result, *_ = measured
    empty = measure(result, columns=np.zeros((0, 2)))
    with pytest.raises(InputError, match="no columns"):
        figures.columns(empty, result.mean_phase(), figures.Frame.of(result))
    names = {path.stem for path in figures.write_figures(result, tmp_path, empty)}
    assert names == {"mean_phase", "probe", "states", "slices", "spectrum", "loss", "spread"}


def test_one_stationary_state_can_be_drawn(tmp_path):
    still = s.columns()[None]
    result = s.result(s.drawn(still))
    motion = measure(result)
    comparison = compare(result, motion, s.truth(still))
    for path in figures.write_figures(result, tmp_path, motion, comparison):
        assert_not_blank(path)


def test_each_stage_of_the_loss_has_a_panel_in_which_its_fall_is_seen():
    """A stage that gains per cents after one that gained factors would else be a flat line."""
    figure = figures.loss([1.0, 0.1, 0.08, 0.079, 0.0785], [0, 0, 1, 1, 1], ["pure", "mixed"])
    figure.draw_without_rendering()
    first, second = figure.axes
    assert [axes.get_title() for axes in figure.axes] == ["pure", "mixed"]
    assert (first.get_yscale(), second.get_yscale()) == ("log", "linear")
    assert list(second.lines[0].get_xdata()) == [3, 4, 5]
    low, high = second.get_ylim()
    assert (0.08 - 0.0785) / (high - low) > 0.5
    assert "own scale" in labels(figure)


def test_the_title_of_a_truth_that_stands_still_claims_no_motion():
    still = s.columns()[None]
    result = s.result(s.drawn(s.moving(6, sd=0.01)))
    motion = measure(result)
    text = labels(
        figures.columns(
            motion, result.mean_phase(), figures.Frame.of(result), compare(result, motion, s.truth(still))
        )
    )
    assert "stands still" in text
    assert "measured / true" not in text
    assert "1σ" not in text


def test_loss_that_is_not_positive_is_drawn_on_a_linear_axis():
    assert figures.loss([1.0, -0.5, 0.3]).axes[0].get_yscale() == "linear"


def test_loss_that_is_not_finite_is_drawn_as_far_as_it_goes():
    figure = figures.loss([1.0, 0.2, np.nan, np.inf])
    figure.draw_without_rendering()
    assert figure.axes[0].get_yscale() == "log"


def test_the_loss_of_patterns_held_out_is_dashed_beside_it():
    figure = figures.loss([1.0, 0.2, 0.1, 0.09], [0, 0, 1, 1], held_out=[np.nan, np.nan, 0.3, 0.4])
    first, second = figure.axes
    assert len(first.lines) == 1
    assert second.lines[1].get_linestyle() == "--"
    np.testing.assert_array_equal(second.lines[1].get_ydata(), [0.3, 0.4])
    assert "held out" in labels(figure)
    assert "held out" not in labels(figures.loss([1.0, 0.2], held_out=[np.nan, np.nan]))


def test_a_scan_is_drawn_against_its_values(tmp_path):
    nothing = [np.nan] * 3
    figure = figures.scan_losses(
        "model.states", ["1", "2", "8"], {"": [0.3, 0.2, 0.1]}, {"": [0.35, 0.25, 0.3]}, ("", 1)
    )
    axes = figure.axes[0]
    assert [list(line.get_xdata()) for line in axes.lines] == [[1, 2, 8], [1, 2, 8], [2]]
    assert axes.lines[2].get_ydata() == [0.25]
    assert "smallest held out" in labels(figure)
    figures.save(figure, tmp_path / "scan.png")
    assert_not_blank(tmp_path / "scan.png")
    words = figures.scan_losses(
        "run.kind", ["none", "1.5", "2"], {"a=1": nothing, "a=2": nothing}, {"a=1": nothing, "a=2": nothing}
    )
    assert list(words.axes[0].lines[0].get_xdata()) == [0, 1, 2]
    words.draw_without_rendering()


def test_wrong_shapes_are_refused(measured):
    frame = figures.Frame.of(measured[0])
    with pytest.raises(InputError, match="there are 2 values"):
        figures.scan_losses("model.states", ["1", "2"], {"": [0.3]}, {"": [0.3]})
    with pytest.raises(InputError, match="per iteration"):
        figures.loss([1.0, 2.0], [0])
    with pytest.raises(InputError, match="state, y, x"):
        figures.states(np.zeros((4, 4)), frame)
    with pytest.raises(InputError, match="outside the scanned field"):
        figures.mean_phase(np.zeros((4, 4)), frame)


def test_spectrum_shows_a_wave_at_its_frequency():
    x = 0.1 * np.arange(90)
    image = np.broadcast_to(np.sin(2 * np.pi * 1.5 * x), (80, 90))
    power, reach = power_spectrum(image, 0.1)
    row, col = np.unravel_index(np.argmax(power), power.shape)
    k = (np.array([row, col]) - len(power) // 2) * 2 * reach / len(power)
    assert np.hypot(*k) == pytest.approx(1.5, abs=0.06)
    radius, mean = radial_mean(power, reach)
    assert radius[np.argmax(mean)] == pytest.approx(1.5, abs=0.12)


def test_the_spectrum_of_a_flat_phase_is_drawn(measured):
    """Nothing was reconstructed yet: no power, of which there is no logarithm."""
    frame = figures.Frame.of(measured[0])
    for level in (0.0, 0.3):
        figure = figures.spectrum(np.full(s.SHAPE, level), frame)
        figure.draw_without_rendering()
        image = next(axes for axes in figure.axes if axes.images).images[0]
        assert np.isfinite(image.get_array()).all()


def test_power_of_white_noise_is_its_variance_per_frequency():
    image = np.random.default_rng(0).standard_normal((128, 128))
    power, _ = power_spectrum(image, 0.2)
    assert power.mean() == pytest.approx(0.2**2, rel=0.1)


@pytest.mark.parametrize(("count", "aspect"), [(1, 1.0), (4, 1.0), (10, 1.0), (12, 2.0), (7, 0.5)])
def test_panels_hold_all_states(count, aspect):
    rows, across = grid_shape(count, aspect)
    assert rows * across >= count > (rows - 1) * across


def test_the_users_own_style_comes_back(measured):
    before = matplotlib.rcParams["font.size"]
    matplotlib.rcParams["font.size"] = 23.0
    try:
        figures.loss([1.0, 0.1])
        assert matplotlib.rcParams["font.size"] == 23.0
    finally:
        matplotlib.rcParams["font.size"] = before
