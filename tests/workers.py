"""The tests in several processes (pytest-xdist): who gets which, and a display of its own for each."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

MOST = 8
"""Processes at most: each imports napari and may hold 1.7 GB."""
SCREEN = "1600x1000x24"


def cores() -> int:
    """Return how many cores this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def _for_a_device(path: Path) -> bool:
    return "pytest.mark.gpu" in path.read_text("utf-8")


class Scheduling(LoadFileScheduling):
    """A file is run by one process, for the sake of its fixtures; so is all that shares a thing."""

    displays = True
    """Whether each process has a display of its own."""

    def _split_scope(self, nodeid: str) -> str:
        path = super()._split_scope(nodeid)
        if _for_a_device(self.config.rootpath / path):
            return "the device"
        if path.startswith("tests/_napari/") and not self.displays:
            return "the display"  # two processes would take the keyboard and the pointer from each other
        return path


class Workers:
    """What the process does that hands out the tests."""

    def __init__(self) -> None:
        self.servers: list[subprocess.Popen[str]] = []
        self.displays = True

    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Scheduling:
        # In the order of the folders: those of the window take longest, and the last files are short.
        config.option.loadscopereorder = False
        scheduling = Scheduling(config, log)
        scheduling.displays = self.displays
        return scheduling

    def pytest_configure_node(self, node: Any) -> None:
        """Tell a process which display is its own."""
        if os.environ.get("QT_QPA_PLATFORM") == "offscreen":
            return
        display = self._display()
        self.displays = self.displays and bool(display)
        node.workerinput["display"] = display

    def _display(self) -> str:
        """Start an X server and return its name; nothing where there is none."""
        server = shutil.which("Xvfb")
        if server is None or sys.platform != "linux":
            return ""
        serve = f"{server} -displayfd 1 -screen 0 {SCREEN} -nolisten tcp & exec >&-; read -r _; kill $!"
        # The shell reads until this process closes the pipe, or is killed: no server is left behind.
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        started = subprocess.Popen(["sh", "-c", serve], text=True, **pipes)
        self.servers.append(started)
        number = started.stdout.readline().strip()
        return f":{number}" if number else ""

    def pytest_unconfigure(self) -> None:
        """Stop the X servers."""
        for server in self.servers:
            server.communicate()


def join(config: pytest.Config) -> None:
    """Hand out the tests; or, in a process that gets them, show windows where it was told to."""
    given = getattr(config, "workerinput", None)
    if given is None:
        config.pluginmanager.register(Workers(), "workers")
    elif given.get("display"):
        os.environ["DISPLAY"] = given["display"]
        os.environ.pop("WAYLAND_DISPLAY", None)
