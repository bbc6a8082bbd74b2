"""What all penalties share: the field they measure, where, and the units that make a weight a mere number.

Every penalty looks at ``u = S·φ`` of each of the S slices, the phase (rad) that the whole thickness would
have were it all like this slice, and takes means: over the lit pixels, over slices, over states. For a
complex object u is ``S·(O − 1)``, which is ``i·S·φ`` where a slice is thin and whose derivatives have the
modulus of those of the phase. Lateral derivatives are per Å, about the width of an atom; those along the beam
are over the whole thickness. So a weight depends neither on dose, field or sampling, nor on how many slices
or states.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from napari_mixedptycho._array import Array, namespace
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.forward import illumination
from napari_mixedptycho.engine.kept import MEASURED
from napari_mixedptycho.engine.problem import Problem

_LIT = 0.1
"""A pixel counts as lit from this part of the light on the brightest one."""


@dataclass(frozen=True)
class ObjectTerm:
    """A penalty of the stored object.

    Attributes
    ----------
    weight
        Factor of the whole.
    lit
        (y, x): share of each pixel in the mean; their sum is 1.
    """

    weight: float
    lit: Array = field(metadata=MEASURED)

    def value_and_gradient(self, estimate: Estimate) -> tuple[float, dict[str, Array]]:
        """Return the penalty, dimensionless, and its gradient (∂/∂Re + i·∂/∂Im where complex)."""
        stored, slices = estimate.object, estimate.slices
        value, slope = self.measure(slices * (stored - 1 if stored.dtype.kind == "c" else stored))
        return self.weight * value, {"object": (self.weight * slices * slope).astype(stored.dtype)}

    def measure(self, field: Array) -> tuple[float, Array]:
        """Return the measure of u (state, slice, y, x), without its weight, and its gradient."""
        raise NotImplementedError

    def mean(self, values: Array) -> float:
        """Return the mean of (state, slice, y, x) over states, slices and lit pixels."""
        total = float((values * self.lit).sum(dtype="f8"))
        return total / int(values.shape[0] * values.shape[1])

    def share(self, values: Array) -> Array:
        """Return the derivative of `mean`: the share of each pixel (y, x)."""
        share: Array = self.lit / (values.shape[0] * values.shape[1])
        return share


def lit_pixels(problem: Problem, estimate: Estimate) -> Array:
    """Return the share (y, x) of each pixel in a mean over the lit ones, of the object's precision."""
    light = illumination(problem, estimate)
    lit = light >= _LIT * light.max()
    share: Array = (lit / lit.sum()).astype(estimate.object.real.dtype)
    return share


def inside(lit: Array) -> Array:
    """Return the shares of those pixels alone whose next pixels along y and x are lit too."""
    xp = namespace(lit)
    kept = xp.zeros_like(lit)
    both = (lit[:-1, :-1] > 0) & (lit[1:, :-1] > 0) & (lit[:-1, 1:] > 0)
    kept[:-1, :-1] = both / max(float(both.sum()), 1.0)
    return kept


def slopes(field: Array, sampling: float) -> tuple[Array, Array]:
    """Return the forward differences along y and x, per Å; 0 in the last row and column."""
    xp = namespace(field)
    along_y, along_x = xp.zeros_like(field), xp.zeros_like(field)
    along_y[..., :-1, :] = (field[..., 1:, :] - field[..., :-1, :]) / sampling
    along_x[..., :-1] = (field[..., 1:] - field[..., :-1]) / sampling
    return along_y, along_x


def slopes_back(along_y: Array, along_x: Array, sampling: float) -> Array:
    """Return the adjoint of `slopes`."""
    field = namespace(along_y).zeros_like(along_y)
    field[..., 1:, :] += along_y[..., :-1, :]
    field[..., :-1, :] -= along_y[..., :-1, :]
    field[..., 1:] += along_x[..., :-1]
    field[..., :-1] -= along_x[..., :-1]
    field /= sampling
    return field


def along_beam(field: Array) -> Array:
    """Return the derivative over the whole thickness, (state, slice − 1, y, x)."""
    rise: Array = field.shape[1] * (field[:, 1:] - field[:, :-1])
    return rise


def along_beam_back(rise: Array, slices: int) -> Array:
    """Return the adjoint of `along_beam`."""
    xp = namespace(rise)
    field = xp.zeros((len(rise), slices, *rise.shape[2:]), rise.dtype)
    field[:, 1:] += slices * rise
    field[:, :-1] -= slices * rise
    return field


def squared(values: Array) -> Array:
    """Return |values|², real."""
    return values.real**2 + values.imag**2 if values.dtype.kind == "c" else values**2
