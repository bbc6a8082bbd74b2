"""Results to numbers and pictures: columns, their motion over the states, the comparison with truth.

The figures need matplotlib and are imported on their own, as ``napari_mixedptycho.analysis.figures``.
"""

from napari_mixedptycho.analysis.centroid import Centroid, Fixed, Recentred
from napari_mixedptycho.analysis.columns import ColumnFinder, inside_scan
from napari_mixedptycho.analysis.motion import (
    ColumnMotion,
    MotionSettings,
    find_columns,
    measure,
    measure_phases,
    scan_positions,
)
from napari_mixedptycho.analysis.table import columns_table, write_columns
from napari_mixedptycho.analysis.truth import Agreement, Comparison, compare, match_columns

__all__ = [
    "Agreement",
    "Centroid",
    "ColumnFinder",
    "ColumnMotion",
    "Comparison",
    "Fixed",
    "MotionSettings",
    "Recentred",
    "columns_table",
    "compare",
    "find_columns",
    "inside_scan",
    "match_columns",
    "measure",
    "measure_phases",
    "scan_positions",
    "write_columns",
]
