"""Images of a scan as other detectors would have taken them, and the phase by its gradient."""

from napari_mixedptycho.imaging.frame import Frame, ring
from napari_mixedptycho.imaging.images import Images, direction, magnitude
from napari_mixedptycho.imaging.scan_guess import ScanGuess, guesses, traces
from napari_mixedptycho.imaging.stream import BRIGHT, DARK, first_look, look, virtual_images

__all__ = [
    "BRIGHT",
    "DARK",
    "Frame",
    "Images",
    "ScanGuess",
    "direction",
    "first_look",
    "guesses",
    "look",
    "magnitude",
    "ring",
    "traces",
    "virtual_images",
]
