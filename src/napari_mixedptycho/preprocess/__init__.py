"""From patterns as they are stored to patterns that can be compared.

`arranged` does what the settings say, step by step; `usable_patterns` refuses what no loss can use.
"""

from napari_mixedptycho.preprocess.arrange import arranged
from napari_mixedptycho.preprocess.back import stored_pixels
from napari_mixedptycho.preprocess.change import in_memory
from napari_mixedptycho.preprocess.detector import (
    bin_pixels,
    crop_detector,
    crop_pixels,
    set_right,
    wander,
    with_descan,
)
from napari_mixedptycho.preprocess.file import preprocessed
from napari_mixedptycho.preprocess.outline import bytes_after, dtype_after, shape_after
from napari_mixedptycho.preprocess.pixels import measured_only
from napari_mixedptycho.preprocess.scan import Region, cut_scan, truth_in
from napari_mixedptycho.preprocess.usable import inside_angle, lit_disk, reaches_edge, usable_patterns

__all__ = [
    "Region",
    "arranged",
    "bin_pixels",
    "bytes_after",
    "crop_detector",
    "crop_pixels",
    "cut_scan",
    "dtype_after",
    "in_memory",
    "inside_angle",
    "lit_disk",
    "measured_only",
    "preprocessed",
    "reaches_edge",
    "set_right",
    "shape_after",
    "stored_pixels",
    "truth_in",
    "usable_patterns",
    "wander",
    "with_descan",
]
