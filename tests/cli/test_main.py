from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

import napari_mixedptycho
from napari_mixedptycho.cli import info

Run = Callable[..., Any]
COMMANDS = ("run", "info", "recipe", "columns", "scan", "demo", "benchmark")


def test_help_names_every_command(run: Run) -> None:
    shown = run("--help")
    assert (shown.code, shown.err) == (0, "")
    for command in COMMANDS:
        assert command in shown.out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(run: Run, command: str) -> None:
    shown = run(command, "--help")
    assert shown.code == 0
    assert "--debug" in shown.out


def test_version(run: Run) -> None:
    assert napari_mixedptycho.__version__ in run("--version").out


def test_without_a_command_help_is_shown_and_the_code_is_that_of_bad_input(run: Run) -> None:
    shown = run()
    assert shown.code == 2
    assert "usage" in shown.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("dance",),
        ("run", "--iteration", "3"),
        ("run", "r.toml", "--device", "tpu"),
        ("run", "r.toml", "--iterations", "0"),
        ("recipe", "--states", "two"),
        ("columns",),
        ("info",),
        ("benchmark", "--repeats", "-1"),
    ],
)
def test_wrong_arguments_are_refused_in_one_sentence(run: Run, arguments: tuple[str, ...]) -> None:
    sentence = run(*arguments).refused()
    assert sentence.startswith("mixedptycho")
    assert "--help" in sentence


def broken(error: BaseException) -> Callable[..., int]:
    def execute(_: object) -> int:
        raise error

    return execute


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (RuntimeError("lost\nthe plot"), 1, "failed with RuntimeError: lost the plot (--debug shows where)"),
        (MemoryError("Unable to allocate 9 TiB"), 1, "not enough memory (Unable to allocate 9 TiB)"),
        (PermissionError(13, "Permission denied", "/x"), 1, "/x: Permission denied."),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_whatever_fails_is_one_sentence(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, sentence: str
) -> None:
    monkeypatch.setattr(info, "execute", broken(error))
    assert sentence in run("info", "x").refused(code)


def test_debug_shows_the_traceback(run: Run) -> None:
    shown = run("info", "/nowhere/x.h5", "--debug")
    assert shown.code == 2
    assert "Traceback" in shown.err
    assert "InputError" in shown.err


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    code = "from napari_mixedptycho.cli import main; main(['recipe'])"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as done:
        assert done.stdout is not None
        assert done.stderr is not None
        done.stdout.close()
        assert done.stderr.read() == b""


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_output_is_utf8_whatever_the_system_speaks(encoding: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from napari_mixedptycho.cli import main; main(['recipe'])"],
        capture_output=True,
        env={"PYTHONIOENCODING": encoding, "PATH": ""},
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "Å" in done.stdout.decode("utf-8")


def test_nothing_heavy_is_imported_for_help() -> None:
    code = (
        "import sys; from napari_mixedptycho.cli import main; main(['--help']); "
        "heavy = {'matplotlib', 'napari', 'qtpy', 'cupy'}; "
        "print(sorted(heavy & {name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]", done.stdout + done.stderr


def test_the_package_runs_as_a_module() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "napari_mixedptycho", "--version"], capture_output=True, text=True, timeout=60
    )
    assert (ended.returncode, ended.stderr) == (0, "")
