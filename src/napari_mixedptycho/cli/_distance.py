"""How far two ensembles are from each other, as the commands ``columns`` and ``compare`` tell it."""

from __future__ import annotations

from typing import Any


def apart(numbers: dict[str, Any]) -> str:
    """Say how far the ensembles of the same columns are from each other."""
    text = f"Their covariances are {numbers['covariance_distance']:.4f} Å apart (Bures-Wasserstein, rms)"
    for key, name in (("energy", "positions"), ("motion_energy", "motion alone")):
        p = numbers[f"{key}_p"]
        chance = "" if p is None else f", p = {p:.3f}"
        text += f"; energy distance of {name} {numbers[f'{key}_distance']:.4f} Å{chance}"
    return f"{text}."
