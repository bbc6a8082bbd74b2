"""Nothing is lost: a run is copied while it goes on, and however it ends, until someone saves it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from napari.utils.notifications import notification_manager
from pytestqt.qtbot import QtBot

from napari_mixedptycho._napari import unsaved
from napari_mixedptycho._napari.widget import MixedPtychoWidget
from napari_mixedptycho.checkpoint import Saver
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import Progress, reconstruct
from napari_mixedptycho.result import Result
from napari_mixedptycho.running.work import kept

MakeDock = Callable[..., MixedPtychoWidget]


def often(recipe: Recipe) -> Recipe:
    """Return the recipe with checkpoints at every iteration."""
    return recipe.with_set("run.checkpoint=1e-9")


def test_what_a_crash_leaves_behind_goes_on(small: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_mixedptycho.checkpoint._SHARE", 0)
    path = unsaved.new_copy("scan")
    steps = kept(reconstruct(small), Saver(path, 1e-9, pytest.fail))
    *_, reached = (next(steps) for _ in range(3))
    left = Result.load(path)  # the process could end here, without a word
    assert left.history == reached.result.history
    *_, last = reconstruct(small, None, left)
    *_, expected = steps
    assert (last.result.estimate.object == expected.result.estimate.object).all()


def test_the_last_step_is_copied_however_it_ends(small: Recipe) -> None:
    def failing() -> Iterator[Progress]:
        yield next(reconstruct(small))
        raise MemoryError

    path = unsaved.new_copy("scan")
    with pytest.raises(MemoryError):
        list(kept(failing(), Saver(path, None, pytest.fail)))
    assert len(Result.load(path).history) == 1


def test_only_the_newest_copies_stay() -> None:
    unsaved.folder().mkdir()
    made = []
    for hour in range(5):
        made.append(unsaved.folder() / f"2026-01-01 0{hour}.00.00 scan abcd.h5")
        made[-1].touch()
    new = unsaved.new_copy("scan")
    assert unsaved.copies() == made[:2:-1]
    assert not new.exists()
    assert new != unsaved.new_copy("scan"), "two runs that start at once have a copy each"


def test_a_run_is_copied_until_it_is_saved(
    make_dock: MakeDock, small: Recipe, qtbot: QtBot, tmp_path: Path
) -> None:
    dock = make_dock()
    assert not unsaved.copies()
    dock.set_recipe(small)
    with qtbot.waitSignal(dock.finished, timeout=20_000):
        dock.run()
    (copy,) = unsaved.copies()
    assert copy.name in dock.steps.footer.status.toolTip()
    assert len(Result.load(copy).history) == 5
    other = make_dock()
    assert "not saved" in other.steps.footer.status.text()
    other.open(copy)
    assert other.result is not None
    dock.save(tmp_path / "mine.h5")
    assert not unsaved.copies()
    assert not dock.steps.footer.status.toolTip()
    other.save(copy)
    assert unsaved.copies() == [copy], "who saves there keeps it"


def test_closing_in_mid_run_keeps_the_result(make_dock: MakeDock, small: Recipe, qtbot: QtBot) -> None:
    dock = make_dock()
    dock.set_recipe(small.with_iterations(100_000))
    dock.run()
    qtbot.waitUntil(lambda: dock.result is not None, timeout=20_000)
    dock.display.viewer.close()
    (copy,) = unsaved.copies()
    assert len(Result.load(copy).history) >= 1


def test_a_copy_that_cannot_be_written_is_said_once(
    make_dock: MakeDock, small: Recipe, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_mixedptycho.checkpoint._SHARE", 0)
    unsaved.folder().parent.mkdir(exist_ok=True)
    unsaved.folder().write_text("a file where the folder should be")
    dock = make_dock()
    dock.set_recipe(often(small))
    before = len(notification_manager.records)
    with qtbot.waitSignal(dock.finished, timeout=20_000):
        dock.run()
    said = [str(record) for record in list(notification_manager.records)[before:]]
    assert len(said) == 1
    assert "could not be written" in said[0]
    assert dock.result is not None
    assert len(dock.result.history) == 5
