"""What the figures of motion and trust hold: the numbers of the result, not just ink."""

from __future__ import annotations

from dataclasses import replace

import matplotlib
import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Ellipse, Rectangle

from napari_mixedptycho.analysis import correlations, ellipses, judge, measure, neighbour_amplitudes
from napari_mixedptycho.analysis import figures as f
from napari_mixedptycho.analysis.figures.depth import depth_profile
from napari_mixedptycho.analysis.figures.probe import power_shares
from napari_mixedptycho.analysis.pair import pair
from napari_mixedptycho.engine.health import Alarm, Health
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.result import History
from tests.analysis import specimen as s


@pytest.fixture(scope="module")
def result():
    return s.result(s.drawn(s.moving(6), noise=0.02))


@pytest.fixture(scope="module")
def still():
    return s.result(s.drawn(s.moving(6, sd=0.004, seed=3), noise=0.02, seed=5))


@pytest.fixture(scope="module")
def motion(result):
    return measure(result)


def texts(figure: Figure) -> str:
    return " | ".join(text.get_text() for text in figure.findobj(matplotlib.text.Text))


def subject_of(result, still, motion):
    floor = measure(still, columns=motion.columns)
    signs = Health(np.full((6, 2), 1 / 12), np.full((6, 2), 1 / 12), np.ones((6, 6)), 0.1, np.ones(1))
    return f.Subject(result, motion, None, floor, judge(motion, floor), signs)


def test_the_album_is_fit_to_print(result, still, motion):
    """Not wider than a page of a journal, no text below 7 points, a caption for each."""
    plates = f.album(subject_of(result, still, motion)) + f.joint_album({"a": result, "b": still})
    assert len({plate.name for plate in plates}) == len(plates) == 18
    for plate in plates:
        figure = plate.draw()
        figure.draw_without_rendering()
        assert figure.get_figwidth() * 25.4 <= 170.1, plate.name
        sizes = [text.get_fontsize() for text in figure.findobj(matplotlib.text.Text) if text.get_text()]
        assert min(sizes) >= 7, plate.name
        assert plate.caption.endswith(".")


def test_no_text_leaves_the_paper(result, still, motion):
    plates = f.album(subject_of(result, still, motion)) + f.joint_album({"a": result, "b": still})
    for plate in plates:
        figure = plate.draw()
        figure.draw_without_rendering()
        paper = figure.bbox
        for text in figure.findobj(matplotlib.text.Text):
            if not text.get_text().strip() or not text.get_visible() or text.axes is None:
                continue
            box = text.get_window_extent()
            outside = max(-box.x0, -box.y0, box.x1 - paper.x1, box.y1 - paper.y1)
            hidden = text.get_clip_on() or not text.axes.axison
            assert outside < 2 or hidden or _off_scale(text), f"{plate.name}: {text.get_text()!r}"


def _off_scale(text):
    """Tell tick labels beyond the limits of their axis, which are not drawn."""
    axes = text.axes
    for axis in (axes.xaxis, axes.yaxis):
        low, high = sorted(axis.get_view_interval())
        for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
            if text in (tick.label1, tick.label2):
                return not low <= tick.get_loc() <= high
    return False


def test_disks_of_the_map_have_the_size_of_the_motion(result, motion):
    figure = f.motion_map(motion, result.mean_phase(), f.Frame.of(result))
    (disks,) = figure.findobj(PathCollection)
    np.testing.assert_allclose(disks.get_offsets(), motion.mean[:, ::-1])
    np.testing.assert_allclose(disks.get_array(), 100 * motion.u_rms)
    assert disks.get_clim()[0] == 0
    assert "(pm)" in texts(figure)


def test_ellipses_are_those_of_the_covariance_magnified(result, motion):
    figure = f.ellipses(motion, result.mean_phase(), f.Frame.of(result), magnification=8.0)
    shape = ellipses(motion.covariance)
    drawn = [patch for patch in figure.findobj(Ellipse) if type(patch) is Ellipse]
    np.testing.assert_allclose([patch.width for patch in drawn], 16 * shape.major)
    np.testing.assert_allclose([patch.height for patch in drawn], 16 * shape.minor)
    np.testing.assert_allclose([patch.angle for patch in drawn], shape.angle)
    assert "×8" in texts(figure)


def test_the_map_of_the_spread_begins_at_nothing(result):
    frame = f.Frame.of(result)
    figure = f.spread_map(result.state_spread(), frame)
    image = figure.axes[0].images[0]
    np.testing.assert_array_equal(image.get_array(), frame.cropped(result.state_spread(), 1.0)[0])
    assert image.get_clim()[0] == 0
    assert "(rad)" in texts(figure)


def test_slices_stand_at_their_depth_with_their_contrast(result):
    frame, phase = f.Frame.of(result), result.phase().astype(np.float64)
    phase[:, 1] *= 3
    figure = f.slices(phase, 1.92, frame)
    pictures = [axes for axes in figure.findobj(matplotlib.axes.Axes) if axes.images]
    assert len(pictures) == 2
    for index, axes in enumerate(pictures):
        np.testing.assert_allclose(
            axes.images[0].get_array(), frame.cropped(phase.mean(axis=0)[index])[0], rtol=1e-6
        )
    contrast, spread = depth_profile(phase, frame)
    assert contrast[1] / contrast[0] == pytest.approx(3)
    assert spread[1] / spread[0] == pytest.approx(3)
    lines = {line.get_label(): line for axes in figure.findobj(matplotlib.axes.Axes) for line in axes.lines}
    np.testing.assert_allclose(lines["contrast of the mean"].get_xdata(), contrast)
    np.testing.assert_allclose(lines["contrast of the mean"].get_ydata(), [0.96, 2.88])
    assert "1.9 to 3.8 Å" in texts(figure)
    with pytest.raises(InputError, match="state, slice, y, x"):
        f.slices(phase[0], 1.92, frame)


def test_probe_modes_stand_in_the_order_of_their_power():
    y, x = np.indices((32, 32)) - 16
    disk = np.exp(-(y**2 + x**2) / 18.0)
    probe = np.stack([0.5 * x * disk, 2 * disk * np.exp(0.7j)]).astype(np.complex64)
    shares = power_shares(probe)
    assert shares.sum() == pytest.approx(1)
    figure = f.probe_modes(probe, 0.2)
    told = texts(figure)
    assert f"Mode {int(shares.argmax())}: {100 * shares.max():.3g} %" in told
    first = figure.axes[0].images[0].get_array()
    assert first.max() == pytest.approx(1)
    assert first[first.shape[0] // 2, first.shape[1] // 2] == pytest.approx(1)  # in its middle, n // 2
    assert "Phase (rad)" in told
    with pytest.raises(InputError, match="some power"):
        f.probe_modes(np.zeros((1, 8, 8)), 0.2)


def test_the_control_is_drawn_with_the_scale_of_the_result(result, still, motion):
    subject = subject_of(result, still, motion)
    figure = f.control(motion, subject.floor, subject.verdict)
    left, right, chart = figure.findobj(matplotlib.axes.Axes)
    assert left.get_xlim() == right.get_xlim()
    for axes, one in ((left, motion), (right, subject.floor)):
        moves = 100 * (one.positions - one.mean).reshape(-1, 2)
        np.testing.assert_allclose(axes.lines[0].get_xdata(), moves[:, 1])
        np.testing.assert_allclose(axes.lines[0].get_ydata(), moves[:, 0])
    radii = [patch.radius for patch in figure.findobj(Circle)]
    np.testing.assert_allclose(radii, [100 * subject.verdict.motion, 100 * subject.verdict.floor])
    np.testing.assert_allclose(chart.lines[0].get_ydata(), 100 * subject.verdict.column_motion)
    np.testing.assert_allclose(chart.lines[1].get_ydata(), 100 * subject.verdict.column_floor)
    assert "resolved" in texts(figure)
    assert "(pm)" in texts(figure)


def test_correlations_stand_beside_chance(motion):
    found, neighbours = correlations(motion.positions), neighbour_amplitudes(motion.positions)
    figure = f.correlation(found, neighbours)
    along, across, third = figure.axes
    for axes, part in ((along, found.longitudinal), (across, found.transverse)):
        drawn = axes.containers[0].lines[0]
        np.testing.assert_allclose(drawn.get_xdata(), found.distance)
        np.testing.assert_allclose(drawn.get_ydata(), part.value)
        filled = next(line for line in axes.lines if line.get_label() == "outside chance")
        assert len(filled.get_xdata()) == part.significant.sum()
    bands = third.findobj(Rectangle)
    heights = {round(float(patch.get_y()), 6) for patch in bands}
    assert round(100 * float(np.sqrt(neighbours.transverse_in_phase.chance[0, 0])), 6) in heights
    assert "|r| < 0.82" in texts(figure)
    assert "(Å)" in texts(figure)


def test_two_results_have_the_same_limits_and_their_own_difference(result, still):
    found = pair(result, still)
    figure = f.comparison(found, ("warm", "cold"))
    pictures = [axes for axes in figure.findobj(matplotlib.axes.Axes) if axes.images]
    one, other, apart = pictures[:3]
    assert one.images[0].get_clim() == other.images[0].get_clim()
    np.testing.assert_array_equal(apart.images[0].get_array(), found.other - found.one)
    low, high = apart.images[0].get_clim()
    assert low == -high
    curve = next(axes for axes in figure.findobj(matplotlib.axes.Axes) if axes.get_title() == "Agreement")
    np.testing.assert_array_equal(curve.lines[0].get_ydata(), found.agreement.value)
    limit = next(line for line in curve.lines if line.get_label() == "half a bit")
    np.testing.assert_array_equal(limit.get_ydata(), found.half_bit.value[1:])
    assert "cold − warm" in texts(figure)
    assert "1/Å" in texts(figure)


def history(loss, stage, separation=None, held_out=None):
    nothing = (float("nan"),) * len(loss)
    return History(
        loss=loss,
        seconds=nothing,
        evaluations=nothing,
        separation=separation or (0.0,) * len(loss),
        stage=stage,
        held_out=held_out or nothing,
    )


def test_losses_of_several_runs_lie_over_each_other():
    runs = {
        "pure": history((0.5, 0.1, 0.08), (0, 0, 1)),
        "mixed": history((0.5, 0.05), (0, 0), None, (0.6, 0.1)),
    }
    axes = f.losses(runs).axes[0]
    lines = {line.get_label(): list(line.get_ydata()) for line in axes.lines}
    assert lines["pure"] == [0.5, 0.1, 0.08]
    assert lines["mixed"] == [0.5, 0.05]
    assert lines["mixed, held out"] == [0.6, 0.1]
    starts = [list(line.get_xdata()) for line in axes.lines if line.get_marker() == "o"]
    assert starts == [[1, 3], [1]]
    assert axes.get_yscale() == "log"
    with pytest.raises(InputError, match="no run has an iteration"):
        f.losses({"nothing": History()})


def test_losses_of_different_kinds_are_told_apart(result):
    other = result.replace(recipe=result.recipe.with_set("stages.moving.loss.kind=intensity"))
    plates = {plate.name: plate for plate in f.joint_album({"a": result, "b": other})}
    assert list(plates) == ["losses", "spectra", "compare_a_b"]
    assert "b (intensity)" in texts(plates["losses"].draw())
    assert f.joint_album({"a": result}) == []


def test_runs_of_one_recipe_are_pooled(result, still):
    """With another seed they are an ensemble; with another setting they are not."""
    plates = {plate.name: plate for plate in f.joint_album({"a": result, "b": still})}
    assert "2 runs" in texts(plates["ensemble"].draw())
    other = still.replace(recipe=still.recipe.with_set("model.padding=2"))
    assert "ensemble" not in {plate.name for plate in f.joint_album({"a": result, "b": other})}


def test_columns_keep_their_numbers_on_all_figures(result, motion):
    """Those that a user has edited are not counted from 0."""
    frame, phase = f.Frame.of(result), result.mean_phase()
    kept = measure(result, columns=motion.columns[:3], numbers=(4, 7, 30))
    plates = {plate.name: plate for plate in f.album(f.Subject(result, kept))}
    for name in ("mean_phase", "columns", "ellipses"):
        told = [text.get_text() for text in plates[name].draw().findobj(matplotlib.text.Text)]
        assert {"4", "7", "30"} <= set(told), name
    axes = f.mean_phase(phase, frame, kept.mean, numbers=["4", "7", "30"]).axes[0]
    places = {text.get_text(): text.xy for text in axes.texts if hasattr(text, "xy")}
    assert places["30"] == pytest.approx(tuple(kept.mean[2, ::-1]))


def test_the_motion_of_the_history_stands_beside_the_spread(result):
    history = replace(result.history, motion=(float("nan"), float("nan"), 0.02, 0.05))
    (plate,) = [p for p in f.album(f.Subject(result.replace(history=history))) if p.name == "spread"]
    _, beside = plate.draw().axes
    assert list(beside.lines[0].get_xdata()) == [3, 4]
    np.testing.assert_allclose(beside.lines[0].get_ydata(), [2, 5])


def test_the_spectra_of_two_waves_peak_at_their_frequencies():
    frame = f.Frame(0.1, (0.0, 0.0), (0.0, 0.0), (8.0, 8.0))
    x = 0.1 * np.arange(82)
    waves = {f"{k}": (np.broadcast_to(np.sin(2 * np.pi * k * x), (82, 82)), frame) for k in (1.0, 2.0)}
    axes = f.spectra(waves, {"2α": 1.5}).axes[0]
    for line, k in zip(axes.lines, (1.0, 2.0), strict=False):
        assert line.get_xdata()[np.argmax(line.get_ydata())] == pytest.approx(k, abs=0.12)
    assert axes.lines[2].get_xdata()[0] == 1.5


def test_the_spread_begins_where_states_part():
    curve = history((1.0, 0.5, 0.4, 0.3), (0, 0, 1, 1), (0.0, 0.0, 0.2, 0.3))
    figure = f.spread(curve, motion=[(4, 0.05)])
    axes, beside = figure.axes
    assert list(axes.lines[0].get_xdata()) == [3, 4]
    assert list(axes.lines[0].get_ydata()) == [0.2, 0.3]
    assert list(beside.lines[0].get_ydata()) == [5.0]
    assert "(pm)" in texts(figure)
    with pytest.raises(InputError, match="no iteration has states that differ"):
        f.spread(history((1.0,), (0,)))


def test_health_shows_shares_and_alarms(result):
    shares = np.full((6, 2), 0.05)
    shares[2] = 0.25
    signs = Health(shares, shares, np.ones((6, 6)), 0.1, np.ones(1))
    alarm = Alarm("one_state", "State 2 takes the phase.", "Let each update see all patterns.")
    figure = f.health(result.projected_phase(), f.Frame.of(result), replace(signs, alarms=(alarm,)))
    chart = next(
        axes for axes in figure.findobj(matplotlib.axes.Axes) if axes.get_ylabel().startswith("State")
    )
    assert [label.get_text() for label in chart.get_yticklabels()] == list("012345")
    np.testing.assert_allclose([bar.get_width() for bar in chart.patches], 100 * shares.sum(axis=1))
    told = texts(figure)
    assert "1 alarm" in told
    assert "State 2 takes the phase. Let each update see all patterns." in told
    assert "no alarm" in texts(f.health(result.projected_phase(), f.Frame.of(result), signs))
    with pytest.raises(InputError, match="6 states"):
        f.health(result.projected_phase()[:2], f.Frame.of(result), signs)


def test_figures_of_the_motion_need_columns(result):
    none = measure(result, columns=np.zeros((0, 2)))
    for draw in (f.motion_map, f.ellipses):
        with pytest.raises(InputError, match="no columns"):
            draw(none, result.mean_phase(), f.Frame.of(result))
    with pytest.raises(InputError, match=r"no figure 'x' of this; there are: mean_phase"):
        f.chosen(f.album(f.Subject(result)), ["x"])


def test_a_figure_is_the_same_bytes_every_time(result, motion):
    first, again = (
        f.rendered(f.ellipses(motion, result.mean_phase(), f.Frame.of(result)), resolution=80)
        for _ in range(2)
    )
    assert first == again
    assert first.startswith(b"<?xml")
