from __future__ import annotations

import io
from dataclasses import replace

import pytest

from napari_mixedptycho.cli._progress import Display, bar, line
from napari_mixedptycho.engine.health import Alarm
from napari_mixedptycho.reconstruct import Progress, assess
from napari_mixedptycho.result import Result
from napari_mixedptycho.words import duration, size


@pytest.fixture
def progress(made: Result) -> Progress:
    return Progress(12, 85, "mixed", 0.0012345, 1.234, 90.0, 14.0, 0.1, made, assess(made))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_line_says_where_the_run_stands(progress: Progress) -> None:
    assert line(progress) == "12/85 mixed: loss 0.001234, 1.23 s per iteration, 1 min 30 s left"


@pytest.mark.parametrize("width", [10, 40, 79, 200])
def test_the_bar_never_wraps(progress: Progress, width: int) -> None:
    assert len(bar(progress, width)) <= width


def test_the_bar_grows(progress: Progress) -> None:
    lengths = [bar(replace(progress, iteration=done), 99).count("█") for done in (0, 40, 85)]
    assert lengths[0] == 0 < lengths[1] < lengths[2] == 24


def test_a_terminal_gets_one_line_that_is_redrawn(progress: Progress) -> None:
    stream = Terminal()
    display = Display(stream=stream)
    display.show(progress)
    display.show(replace(progress, iteration=85))
    display.say("a word")
    display.show(replace(progress, iteration=85))
    display.end()
    assert stream.getvalue().count("\n") == 2
    assert stream.getvalue().count("\r") == 4
    assert "\r\x1b[Ka word\n" in stream.getvalue()


def test_a_log_file_gets_a_line_every_few_seconds(progress: Progress) -> None:
    stream = io.StringIO()
    display = Display(stream=stream)
    for done in range(1, 86):
        display.show(replace(progress, iteration=done))
    assert [text.split("/")[0] for text in stream.getvalue().splitlines()] == ["1", "85"]
    assert "\r" not in stream.getvalue()


def test_quiet_is_quiet_but_for_what_must_be_said(progress: Progress) -> None:
    stream = io.StringIO()
    display = Display(quiet=True, stream=stream)
    display.say("chatter")
    display.show(progress)
    display.end()
    display.say("important", always=True)
    assert stream.getvalue() == "important\n"


def test_times_and_sizes_are_written_as_people_do() -> None:
    assert [duration(s) for s in (0, 0.44, 9.94, 59, 61, 3599.6, 3661)] == [
        "0 s", "440 ms", "9.9 s", "59 s", "1 min 1 s", "1 h 0 min", "1 h 1 min",
    ]  # fmt: skip
    assert [size(n) for n in (5e5, 1.5e6, 2.34e9)] == ["500 kB", "2 MB", "2.3 GB"]


def test_what_is_held_out_stands_beside_the_loss(progress: Progress) -> None:
    assert "loss 0.001234 (held out 0.00234), " in line(replace(progress, held_out=0.00234))


def test_an_alarm_is_said_once_when_it_appears(progress: Progress) -> None:
    stream = io.StringIO()
    display = Display(stream=stream)
    one, other = (Alarm(name, f"{name} is wrong.", "Mend it.") for name in ("this", "that"))
    for alarms in ((), (one,), (one,), (), (one, other)):
        display.warn(replace(progress.health, alarms=alarms))
    assert stream.getvalue() == "Alarm: this is wrong. Mend it.\nAlarm: that is wrong. Mend it.\n"
