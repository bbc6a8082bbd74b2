"""How to compute."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator

from napari_mixedptycho.settings import Settings


class Run(Settings):
    """How to compute; no setting here changes the result beyond rounding, except the seed."""

    seed: int = Field(
        0, ge=0, lt=2**63, description="Of all random numbers; the same seed gives the same result."
    )
    device: str = Field(
        "auto",
        description="Where to compute: auto (a GPU where one can be used), cpu, gpu, gpu:1 (the second), or "
        "gpu:0,1 (both at once).",
    )
    threads: int | None = Field(None, ge=1, le=1024, description="CPU threads; not set: all cores.")
    fft: Literal["auto", "scipy", "fftw"] = Field(
        "scipy",
        description="What transforms waves on a CPU: scipy (the same bits each time), fftw (faster; needs "
        "the extra fft), or auto: fftw where a short measurement finds it faster.",
    )
    patterns_per_chunk: int | None = Field(
        None, ge=1, description="Patterns in work at once per thread; memory only. Not set: automatic."
    )
    data_memory: float | None = Field(
        None,
        gt=0,
        description="Memory for patterns, GB; what needs more stays in its file (on a GPU: in main memory) "
        "and is read again and again. Not set: half of what is free.",
    )
    deterministic: bool = Field(
        False,
        description="On a GPU, add in an order-independent way, so that a run gives the same bits each time; "
        "a CPU always does. Takes twice the memory for the gradient of the object, and some time.",
    )
    checkpoint: float | None = Field(
        60.0, gt=0, description="Seconds between checkpoints of the result file; not set: only at the end."
    )

    @field_validator("device")
    @classmethod
    def _known_device(cls, device: str) -> str:
        if re.fullmatch(r"auto|cpu|gpu(:\d{1,3}(,\d{1,3})*)?", device) is None:
            raise ValueError("take auto, cpu, gpu, gpu:1 (the second), or gpu:0,1 (both)")
        return device
