from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from napari_mixedptycho.cli import main
from napari_mixedptycho.result import Result
from tests.small import small, steps


class Ran:
    """What a command left behind."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    def refused(self, code: int = 2) -> str:
        """Assert one sentence on stderr, nothing on stdout and no traceback; return the sentence."""
        assert self.code == code, self.err
        assert self.out == ""
        assert self.err.count("\n") == 1, self.err
        assert "Traceback" not in self.err
        return self.err


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    def call(*arguments: object) -> Ran:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        return Ran(code, *capsys.readouterr())

    return call


@pytest.fixture(scope="session")
def made() -> Result:
    """Return a complete small result."""
    return steps(small())[-1].result


@pytest.fixture
def saved(made: Result, tmp_path: Path) -> Path:
    """Return the same as a file."""
    made.save(tmp_path / "result.h5")
    return tmp_path / "result.h5"


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """Return the small recipe as a file."""
    path = tmp_path / "recipe.toml"
    path.write_text(small().to_toml())
    return path


@pytest.fixture
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the figures out where only the table is looked at."""
    monkeypatch.setattr("napari_mixedptycho.analysis.figures.write_figures", lambda *_: [])
