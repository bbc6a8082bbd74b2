"""The five steps of the dock, one page each."""

from napari_mixedptycho._napari.pages.analyse import AnalysePage
from napari_mixedptycho._napari.pages.calibrate import CalibratePage
from napari_mixedptycho._napari.pages.data import DataPage
from napari_mixedptycho._napari.pages.footer import Footer
from napari_mixedptycho._napari.pages.model import ModelPage
from napari_mixedptycho._napari.pages.run import RunPage

__all__ = ["AnalysePage", "CalibratePage", "DataPage", "Footer", "ModelPage", "RunPage"]
