"""What the buttons of the dock do, one part per step; the pages only show, these only act."""

from napari_mixedptycho._napari.work.columns import Columns
from napari_mixedptycho._napari.work.desk import Desk
from napari_mixedptycho._napari.work.imaging import Imaging
from napari_mixedptycho._napari.work.opening import Opening
from napari_mixedptycho._napari.work.runs import Runs

__all__ = ["Columns", "Desk", "Imaging", "Opening", "Runs"]
