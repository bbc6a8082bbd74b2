"""The loss that the data ask for."""

from __future__ import annotations

from typing import Literal

from napari_mixedptycho.engine.losses.poisson import PoissonLoss
from napari_mixedptycho.settings import Settings


class AutoLoss(Settings):
    """The loss that the data ask for, said when a run starts; today the Poisson deviance for all of them.

    Counted electrons leave no choice. Without a known dose the Poisson deviance and bare amplitudes found the
    same motion in data without noise (docs/engine.md), and only the former is safe if there is noise.
    """

    kind: Literal["auto"] = "auto"

    def chosen(self, counted: bool) -> PoissonLoss:
        """Return the loss for data whose electrons are counted, or not known."""
        return PoissonLoss()

    def reason(self, counted: bool) -> str:
        """Return why, in a few words."""
        if counted:
            return "the dose is known, and electrons that are counted follow Poisson statistics"
        return "the dose is not known; it is as good as amplitudes without noise, and right if there is noise"
