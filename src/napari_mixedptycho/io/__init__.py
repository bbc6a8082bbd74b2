"""File to Dataset."""

from napari_mixedptycho.io.files import load, sample_path

__all__ = ["load", "sample_path"]
