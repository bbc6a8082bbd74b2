"""The missing wedge: detail along the beam that no scattered wave can have carried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from napari_mixedptycho._array import Array, namespace
from napari_mixedptycho.engine.constraints.reciprocal import squared_frequency
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.problem import Problem
from napari_mixedptycho.settings import Settings

_FAINTEST = 1e-6
"""Amplitude that stands for a lower one in the logarithm."""


@dataclass(frozen=True)
class _DepthFilter:
    transfer: Array
    every_trial: ClassVar[bool] = False

    def __call__(self, blocks: dict[str, Array]) -> dict[str, Array]:
        if "object" not in blocks:
            return blocks
        stored = blocks["object"]
        if stored.dtype.kind != "c":
            return {**blocks, "object": self._filtered(stored)}
        xp = namespace(stored)
        loss = self._filtered(xp.log(xp.maximum(xp.abs(stored), _FAINTEST)))
        phase = self._filtered(xp.angle(stored))
        return {**blocks, "object": xp.exp(loss + 1j * phase).astype(stored.dtype)}

    def _filtered(self, values: Array) -> Array:
        xp, axes = namespace(values), (1, 2, 3)
        passed = xp.fft.ifftn(xp.fft.fftn(values, axes=axes) * self.transfer, axes=axes)
        return passed.real.astype(values.dtype)


class DepthFilter(Settings):
    """Weaken frequencies along the beam that lie in the missing wedge, ``1 − (2/π)·arctan(kz²/(α²·k²))``.

    k is the frequency across the beam, kz that along it, both in 1/Å; half of a wave with kz = α·k is left.
    The regularisation of layers in PtychoShelves and fold_slice (E. H. R. Tsai et al., Opt. Express 24,
    29089, 2016; Z. Chen et al., Science 372, 826, 2021) and the kz filter of PtyRAD, whose β in units of the
    grid is (pixel / slice spacing) / α. The projection along the beam (kz = 0) is kept: of a complex object
    logarithm and phase are filtered. The slices count as periodic. Not a projection: twice is more than once,
    so that it is applied between iterations; the balance with the data then depends on the solver, which that
    of `slice_similarity` does not. It does nothing to one slice.
    """

    kind: Literal["kz_filter"] = "kz_filter"
    angle: float = Field(
        30.0,
        gt=0,
        le=1000,
        description="Half-width α of the wedge, mrad: the probe's semi-angle or more.",
    )

    def fitted(self, problem: Problem, estimate: Estimate) -> _DepthFilter | None:
        """Return the filter; None with one slice."""
        if estimate.slices < 2:
            return None
        xp, stored = namespace(estimate.object), estimate.object
        kz = np.fft.fftfreq(estimate.slices, problem.spacing)[:, None, None]
        square = squared_frequency(stored.shape[-2:], problem.sampling)
        # atan2 knows the limits: all of it stays at kz = 0, nothing of the rest at k = 0.
        transfer = 1 - 2 / np.pi * np.arctan2(kz**2, (self.angle * 1e-3) ** 2 * square)
        return _DepthFilter(xp.asarray(transfer.astype(stored.real.dtype)))
