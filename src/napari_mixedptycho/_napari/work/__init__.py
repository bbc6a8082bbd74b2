"""What the buttons of the dock do, one part per step; the pages only show, these only act."""

from napari_mixedptycho._napari.work.believing import Believing
from napari_mixedptycho._napari.work.calibration import Calibrating
from napari_mixedptycho._napari.work.columns import Columns
from napari_mixedptycho._napari.work.comparing import Comparing
from napari_mixedptycho._napari.work.desk import Desk
from napari_mixedptycho._napari.work.imaging import Imaging
from napari_mixedptycho._napari.work.inheriting import Inheriting
from napari_mixedptycho._napari.work.lining import Lining
from napari_mixedptycho._napari.work.masking import Masking
from napari_mixedptycho._napari.work.modelling import Modelling
from napari_mixedptycho._napari.work.opening import Opening
from napari_mixedptycho._napari.work.past import Past
from napari_mixedptycho._napari.work.pointing import Pointing
from napari_mixedptycho._napari.work.preflight import Preflight
from napari_mixedptycho._napari.work.runs import Runs
from napari_mixedptycho._napari.work.watching import Watching
from napari_mixedptycho._napari.work.writing import Writing

__all__ = [
    "Believing",
    "Calibrating",
    "Columns",
    "Comparing",
    "Desk",
    "Imaging",
    "Inheriting",
    "Lining",
    "Masking",
    "Modelling",
    "Opening",
    "Past",
    "Pointing",
    "Preflight",
    "Runs",
    "Watching",
    "Writing",
]
