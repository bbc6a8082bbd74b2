"""A ramp of the object's phase, which is a tilt of the probe."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho._array import Array, namespace
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.kept import MEASURED
from napari_mixedptycho.engine.penalties.measure import inside, lit_pixels
from napari_mixedptycho.engine.problem import Problem
from napari_mixedptycho.settings import Settings


@dataclass(frozen=True)
class _PhaseRamp:
    lit: Array = field(metadata=MEASURED)
    every_trial: ClassVar[bool] = True

    def __call__(self, blocks: dict[str, Array]) -> dict[str, Array]:
        if "object" not in blocks or "probe" not in blocks:
            return blocks
        stored, probe = blocks["object"], blocks["probe"]
        xp = namespace(stored)
        is_wave = stored.dtype.kind == "c"
        rise = self._of_waves(stored) if is_wave else self._of_phases(stored)
        ramp = xp.asarray(_ramp(rise, stored.shape[-2:]))
        first = stored[:, 0] * xp.exp(-1j * ramp) if is_wave else stored[:, 0] - ramp
        allowed = stored.copy()
        allowed[:, 0] = first.astype(stored.dtype)
        tilt = xp.exp(1j * xp.asarray(_ramp(rise, probe.shape[-2:])))
        return {**blocks, "object": allowed, "probe": (probe * tilt).astype(probe.dtype)}

    def _of_phases(self, stored: Array) -> NDArray[np.float64]:
        """Return the slope (y, x), rad/px, of the plane that fits the projected phase best."""
        xp, lit = namespace(stored), self.lit
        projected = stored.mean(axis=0).sum(axis=0)
        y, x = (xp.arange(edge, dtype=lit.dtype) for edge in lit.shape)
        grids = (y[:, None] + 0 * x, 0 * y[:, None] + x)
        places = [grid - (grid * lit).sum() for grid in grids]
        moments = [[float((lit * a * b).sum(dtype="f8")) for a in places] for b in places]
        leans = [float((lit * place * projected).sum(dtype="f8")) for place in places]
        return np.asarray(np.linalg.solve(moments, leans), dtype=np.float64)

    def _of_waves(self, stored: Array) -> NDArray[np.float64]:
        """Return the mean step (y, x) from pixel to pixel, rad/px, of the phase of the projected object."""
        projected, lit = stored.prod(axis=1), inside(self.lit)
        steps = [
            (projected[:, 1:, :-1] * projected[:, :-1, :-1].conj() * lit[:-1, :-1]).sum(dtype="c16"),
            (projected[:, :-1, 1:] * projected[:, :-1, :-1].conj() * lit[:-1, :-1]).sum(dtype="c16"),
        ]
        return np.array([np.angle(complex(step)) for step in steps])


def _ramp(rise: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.float64]:
    """Return a phase ramp (y, x), rad, which is 0 at the pixel ``n // 2``."""
    y, x = (np.arange(edge) - edge // 2 for edge in shape)
    ramp: NDArray[np.float64] = rise[0] * y[:, None] + rise[1] * x
    return ramp


class PhaseRamp(Settings):
    """No ramp across the projected phase, mean over states: taken off the first slice, given to the probe.

    ``P(r − r_j)·O(r)`` is, but for a phase of the whole pattern, the same when O is multiplied by exp(−iq·r)
    and P by exp(+iq·r). So the patterns stay, as long as the probe ends within its window; object and probe
    go together, and it does nothing where one of them is not refined, nor to displaced states. The plane is
    fitted over the lit pixels, of a complex object to the steps from pixel to pixel. It also straightens the
    ramp that a real wedge has.
    """

    kind: Literal["phase_ramp"] = "phase_ramp"

    def fitted(self, problem: Problem, estimate: Estimate) -> _PhaseRamp | None:
        """Return the projection; None for displaced states."""
        if estimate.displacement is not None:
            return None
        return _PhaseRamp(lit_pixels(problem, estimate))
