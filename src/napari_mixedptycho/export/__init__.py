"""A result for other programs and for readers: EMD, TIFF, tables, NumPy, and a report on one page."""

from napari_mixedptycho.export.files import (
    FORMATS,
    USUAL,
    export,
    export_emd,
    export_npz,
    export_recipe,
    export_tables,
    export_tiff,
)
from napari_mixedptycho.export.findings import Findings
from napari_mixedptycho.export.page import report, write_report

__all__ = [
    "FORMATS",
    "USUAL",
    "Findings",
    "export",
    "export_emd",
    "export_npz",
    "export_recipe",
    "export_tables",
    "export_tiff",
    "report",
    "write_report",
]
