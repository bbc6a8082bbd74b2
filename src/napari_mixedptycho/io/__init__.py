"""File to Dataset."""

from napari_mixedptycho.io.files import data_path, load, sample_path
from napari_mixedptycho.io.hdf5 import Contents, read_contents
from napari_mixedptycho.io.mask import load_mask

__all__ = ["Contents", "data_path", "load", "load_mask", "read_contents", "sample_path"]
