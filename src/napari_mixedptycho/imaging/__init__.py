"""Images of a scan as other detectors would have taken them, and the phase by its gradient."""

from napari_mixedptycho.imaging.frame import Frame, ring
from napari_mixedptycho.imaging.images import Images, direction, magnitude
from napari_mixedptycho.imaging.stream import BRIGHT, DARK, first_look, look, virtual_images

__all__ = [
    "BRIGHT",
    "DARK",
    "Frame",
    "Images",
    "direction",
    "first_look",
    "look",
    "magnitude",
    "ring",
    "virtual_images",
]
