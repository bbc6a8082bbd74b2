"""Pictures for paper and screen, drawn with matplotlib's objects alone: no windows, no global state.

Every function returns a `matplotlib.figure.Figure`; `save` writes it as PNG or SVG, by the suffix.
"""

from napari_mixedptycho.analysis.figures.curves import loss, spectrum
from napari_mixedptycho.analysis.figures.images import mean_phase, states
from napari_mixedptycho.analysis.figures.report import write_figures
from napari_mixedptycho.analysis.figures.scans import scan_losses
from napari_mixedptycho.analysis.figures.scatter import columns
from napari_mixedptycho.analysis.figures.style import Frame, save

__all__ = [
    "Frame",
    "columns",
    "loss",
    "mean_phase",
    "save",
    "scan_losses",
    "spectrum",
    "states",
    "write_figures",
]
