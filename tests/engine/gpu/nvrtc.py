"""NVIDIA's run-time compiler, by its library alone: no driver, no device, no CuPy."""

from __future__ import annotations

import ctypes
import re
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True)
class Use:
    """What a kernel needs of a multiprocessor: registers per thread, bytes of memory per thread for them."""

    registers: int
    spilled: int


@dataclass(frozen=True)
class Compiler:
    """The compiler of one wheel."""

    wheel: str

    @cached_property
    def library(self) -> Any:
        """The loaded library; skips where the wheel is not installed."""
        try:
            listed = files(self.wheel) or []
        except PackageNotFoundError:
            pytest.skip(f"{self.wheel} is not installed: the kernels cannot be compiled")
        names = re.compile(r"(libnvrtc\.so\.\d+|nvrtc64_\d+_0\.dll)$")
        (path,) = [entry for entry in listed if names.match(entry.name)]
        return ctypes.CDLL(str(Path(str(path.locate())).resolve()))

    def architectures(self) -> list[int]:
        """Return what it can compile for, oldest first."""
        count = ctypes.c_int()
        self.library.nvrtcGetNumSupportedArchs(ctypes.byref(count))
        found = (ctypes.c_int * count.value)()
        self.library.nvrtcGetSupportedArchs(found)
        return sorted(found)

    @cache  # noqa: B019 - there are two compilers, and nine tests look at one of few programs
    def compile(self, source: str, target: str, *options: str) -> tuple[str, str]:
        """Return the log and, for a target ``compute_…``, the intermediate code (PTX)."""
        library, program = self.library, ctypes.c_void_p()
        given = [f"--gpu-architecture={target}", "--ptxas-options=-v", *options]
        library.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"kernels.cu", 0, None, None)
        arguments = (ctypes.c_char_p * len(given))(*(option.encode() for option in given))
        failed = library.nvrtcCompileProgram(program, len(given), arguments)
        log = self._text(program, "ProgramLog")
        assert not failed, log
        code = self._text(program, "PTX") if target.startswith("compute") else ""
        library.nvrtcDestroyProgram(ctypes.byref(program))
        return log, code

    def _text(self, program: Any, what: str) -> str:
        size = ctypes.c_size_t()
        getattr(self.library, f"nvrtcGet{what}Size")(program, ctypes.byref(size))
        text = ctypes.create_string_buffer(size.value)
        getattr(self.library, f"nvrtcGet{what}")(program, text)
        return text.value.decode()


def uses(log: str) -> dict[str, Use]:
    """Return what each kernel needs, by the assembler's report."""
    found = {}
    for part in log.split("Compiling entry function '")[1:]:
        name = part.split("'")[0]
        stack, stores, loads = re.findall(r"(\d+) bytes (?:stack frame|spill stores|spill loads)", part)[:3]
        (registers,) = re.findall(r"Used (\d+) registers", part)[:1]
        found[name] = Use(int(registers), int(stack) + int(stores) + int(loads))
    return found
