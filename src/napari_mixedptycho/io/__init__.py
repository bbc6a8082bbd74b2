"""File to Dataset."""

from napari_mixedptycho.io.files import data_path, load, sample_path
from napari_mixedptycho.io.hdf5 import Contents, read_contents

__all__ = ["Contents", "data_path", "load", "read_contents", "sample_path"]
