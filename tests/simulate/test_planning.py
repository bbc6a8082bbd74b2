"""What the motion scatters: by theory, and as a forecast."""

from __future__ import annotations

import numpy as np
import pytest

from napari_mixedptycho.simulate import Diffuse, SimulationSettings, diffuse, open_structure
from napari_mixedptycho.simulate.elements import element

SMALL = ("device=cpu", "threads=1", "detector.size=48", "detector.max_angle=120.0", "specimen.snapshots=12")


def share(name: str, *changes: str) -> Diffuse:
    settings = SimulationSettings()
    for change in (*SMALL, *changes):
        settings = settings.with_set(change)
    return diffuse(settings, open_structure(name))


def test_a_single_layer_scatters_what_the_born_approximation_says() -> None:
    # Independent atoms of one weak layer: ∫(γλf)²·(1 − exp(−4π²u²k²)) d²k for each atom.
    u = 0.08
    k = np.linspace(0, 120e-3 / 0.0486606, 4000)
    factor = element("C").phase(k**2, 60e3)
    each = np.trapezoid(factor**2 * (1 - np.exp(-4 * np.pi**2 * u**2 * k**2)) * 2 * np.pi * k, k)
    per_area = 4 / (2.4612**2 * np.sqrt(3))
    found = share("graphene", f"specimen.motion.u_rms={u}")
    assert found.share == pytest.approx(each * per_area, rel=0.25)


def test_nothing_moves_in_the_stationary_twin() -> None:
    found = share("silicon", "specimen.motion.kind=still")
    assert found.share == pytest.approx(0.0, abs=1e-6)
    assert Diffuse(0.0, 0.0).sentence().startswith("Nothing moves")


def test_more_dose_and_more_motion_scatter_more() -> None:
    little, much = share("gold", "specimen.motion.u_rms=0.04"), share("gold", "specimen.motion.u_rms=0.08")
    assert little.share * 2.5 < much.share < little.share * 4.5
    assert little.per_column is not None
    denser = share("gold", "specimen.motion.u_rms=0.04", "beam.dose=1e7").per_column
    assert denser == pytest.approx(10 * little.per_column)
    assert share("gold", "beam.dose=none").per_column is None


@pytest.mark.parametrize(
    ("electrons", "said"), [(4800.0, "right size"), (480.0, "too small"), (48.0, "hardly"), (None, "0.12%")]
)
def test_the_forecast_follows_what_was_measured_on_silicon(electrons: float | None, said: str) -> None:
    assert said in Diffuse(0.0012, electrons).sentence()
