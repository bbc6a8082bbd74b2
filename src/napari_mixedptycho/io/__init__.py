"""File to Dataset."""

from napari_mixedptycho.io.choice import SeveralDatasetsError
from napari_mixedptycho.io.contents import Contents
from napari_mixedptycho.io.fields import Axis, Field, write_emd_fields, write_tiff
from napari_mixedptycho.io.files import (
    RAW,
    SUFFIXES,
    check_scan,
    data_path,
    load,
    read_contents,
    sample_path,
    squared,
)
from napari_mixedptycho.io.layout import Layout
from napari_mixedptycho.io.mask import load_image, load_mask
from napari_mixedptycho.io.scan_shape import flyback_columns
from napari_mixedptycho.io.write import write_emd, write_hdf5

__all__ = [
    "RAW",
    "SUFFIXES",
    "Axis",
    "Contents",
    "Field",
    "Layout",
    "SeveralDatasetsError",
    "check_scan",
    "data_path",
    "flyback_columns",
    "load",
    "load_image",
    "load_mask",
    "read_contents",
    "sample_path",
    "squared",
    "write_emd",
    "write_emd_fields",
    "write_hdf5",
    "write_tiff",
]
