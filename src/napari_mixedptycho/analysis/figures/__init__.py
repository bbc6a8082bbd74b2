"""Pictures for paper and screen, drawn with matplotlib's objects alone: no windows, no global state.

Every function returns a `matplotlib.figure.Figure`; `save` writes it as PNG, SVG or PDF, by the suffix.
`album` lists all figures of a result and `joint_album` those of several, each with its caption.
"""

from napari_mixedptycho.analysis.figures.album import Plate, Subject, album
from napari_mixedptycho.analysis.figures.comparison import comparison
from napari_mixedptycho.analysis.figures.control import control
from napari_mixedptycho.analysis.figures.curves import loss, spectrum
from napari_mixedptycho.analysis.figures.depth import slices
from napari_mixedptycho.analysis.figures.gallery import (
    chosen,
    joint_album,
    write_album,
    write_figures,
)
from napari_mixedptycho.analysis.figures.health import health
from napari_mixedptycho.analysis.figures.images import mean_phase, states
from napari_mixedptycho.analysis.figures.maps import ellipses, motion_map, spread_map
from napari_mixedptycho.analysis.figures.pairs import correlation
from napari_mixedptycho.analysis.figures.probe import probe_modes
from napari_mixedptycho.analysis.figures.runs import losses, spectra, spread
from napari_mixedptycho.analysis.figures.scans import scan_losses
from napari_mixedptycho.analysis.figures.scatter import columns
from napari_mixedptycho.analysis.figures.style import Frame, rendered, save

__all__ = [
    "Frame",
    "Plate",
    "Subject",
    "album",
    "chosen",
    "columns",
    "comparison",
    "control",
    "correlation",
    "ellipses",
    "health",
    "joint_album",
    "loss",
    "losses",
    "mean_phase",
    "motion_map",
    "probe_modes",
    "rendered",
    "save",
    "scan_losses",
    "slices",
    "spectra",
    "spectrum",
    "spread",
    "spread_map",
    "states",
    "write_album",
    "write_figures",
]
