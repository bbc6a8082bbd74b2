"""Notice when numbers are no longer numbers, and say which unknown left them first."""

from __future__ import annotations

import numpy as np

from napari_mixedptycho._array import Array, namespace
from napari_mixedptycho.engine.estimate import Blocks, Estimate, Unknown
from napari_mixedptycho.errors import DivergedError

_GROWN = 10.0
"""Growth of the largest number within an iteration that makes an unknown suspect."""


def check_finite(
    before: Estimate, after: Estimate, refined: tuple[Unknown, ...], loss: float, gradient: Blocks | None
) -> None:
    """Refuse an iteration whose loss, unknowns or gradient are not finite.

    Parameters
    ----------
    before, after
        Where the iteration began and ended.
    refined
        The unknowns that it moved.
    loss
        Of the iteration.
    gradient
        That the solver remembers, if it does.

    Raises
    ------
    DivergedError
        A sentence that names the unknown that diverged.
    """
    blocks = after.blocks(refined)
    broken = [name for name, part in blocks.items() if not _finite(part)]
    if broken:
        raise DivergedError(_sentence(broken, f"the {_joined(broken)} is no longer finite", loss))
    steep = [name for name, part in (gradient or {}).items() if not _finite(part)]
    if np.isfinite(loss) and not steep:
        return
    old = before.blocks(refined)
    grown = {name: _largest(part) / max(_largest(old[name]), 1e-30) for name, part in blocks.items()}
    worst = max(grown, key=lambda name: grown[name])
    if grown[worst] > _GROWN:
        raise DivergedError(
            _sentence([worst], f"the {worst} grew {grown[worst]:.0f} times in one iteration", loss)
        )
    if steep and len(steep) < len(gradient or {}):
        raise DivergedError(_sentence(steep, f"the gradient of the {_joined(steep)} is not finite", loss))
    raise DivergedError(
        f"The reconstruction diverged: the loss is {loss:.3g} although every unknown is finite; check the "
        "patterns, the mask and the loss."
    )


def _sentence(names: list[str], what: str, loss: float) -> str:
    advice = "lower the rate of the solver or refine it later"
    return f"The reconstruction diverged in the {_joined(names)}: {what} (loss {loss:.3g}); {advice}."


def _joined(names: list[str]) -> str:
    return " and ".join(names)


def _finite(part: Array) -> bool:
    return bool(namespace(part).isfinite(part).all())


def _largest(part: Array) -> float:
    return float(abs(part).max()) if part.size else 0.0
