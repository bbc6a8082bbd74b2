"""The README's promises: the commands exist, the files it names are there, nothing leaks."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

TEXTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
RAW = "https://raw.githubusercontent.com/napari-mixedptycho/napari-mixedptycho/main/"
BLOB = "https://github.com/napari-mixedptycho/napari-mixedptycho/blob/main/"


def links(text: str) -> list[str]:
    """Targets of Markdown links and pictures."""
    return re.findall(r"\]\(([^)\s]+)\)", text)


@pytest.mark.skipif(os.name == "nt", reason="run.cmd is the command there")
def test_the_two_commands_exist(repository: Path) -> None:
    readme = (repository / "README.md").read_text("utf-8")
    assert "./run demo" in readme
    assert "./run test" in readme
    run = repository / "run"
    assert os.access(run, os.X_OK)
    bash = shutil.which("bash")
    assert bash is not None
    shown = subprocess.run([bash, str(run)], capture_output=True, text=True, timeout=30)
    assert shown.returncode == 2
    assert "./run demo" in shown.stderr
    assert "./run test" in shown.stderr


@pytest.mark.parametrize("name", TEXTS)
def test_every_file_named_is_there(repository: Path, name: str) -> None:
    for link in links((repository / name).read_text("utf-8")):
        target = link.removeprefix(RAW).removeprefix(BLOB).split("#")[0]
        if target and not target.startswith(("http:", "https:", "mailto:")):
            assert (repository / target).exists(), f"{name} names {link}"


def test_pictures_have_absolute_addresses(repository: Path) -> None:
    pictures = re.findall(r"!\[[^\]]*\]\(([^)\s]+)\)", (repository / "README.md").read_text("utf-8"))
    assert pictures
    assert [picture for picture in pictures if not picture.startswith("https://")] == []


def test_decisions_are_short(repository: Path) -> None:
    decisions = sorted((repository / "docs" / "decisions").glob("*.md"))
    assert len(decisions) >= 4
    long = [path.name for path in decisions if path.read_text("utf-8").count("\n") > 30]
    assert not long


def test_constraints_are_plain_pins(repository: Path) -> None:
    lines = (repository / "constraints.txt").read_text("utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    odd = [pin for pin in pins if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.+!-]*", pin)]
    assert pins
    assert not odd
