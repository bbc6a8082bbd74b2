"""What the patterns themselves tell of the instrument, with uncertainties."""

from __future__ import annotations

from napari_mixedptycho.calibration.calibrate import FEWEST, Calibration, calibrate, set_right
from napari_mixedptycho.calibration.measured import Measured

__all__ = ["FEWEST", "Calibration", "Measured", "calibrate", "set_right"]
