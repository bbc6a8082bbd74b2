"""Results to numbers and pictures: columns, their motion over the states, the comparison with truth.

The figures need matplotlib and are imported on their own, as ``napari_mixedptycho.analysis.figures``.
"""

from napari_mixedptycho.analysis.centroid import Fixed, Recentred
from napari_mixedptycho.analysis.columns import ColumnFinder, inside_scan, kept_numbers, proposed_radius
from napari_mixedptycho.analysis.correlation import (
    Amplitudes,
    Correlations,
    CorrelationSettings,
    Pooled,
    correlations,
    neighbour_amplitudes,
)
from napari_mixedptycho.analysis.estimators import Centroid
from napari_mixedptycho.analysis.floor import FloorSettings, Verdict, judge
from napari_mixedptycho.analysis.gaussian import Gaussian
from napari_mixedptycho.analysis.known import truth_of_motion, truth_of_structure
from napari_mixedptycho.analysis.matter import Matter
from napari_mixedptycho.analysis.motion import (
    ColumnMotion,
    MotionSettings,
    find_columns,
    measure,
    measure_phases,
    scan_positions,
)
from napari_mixedptycho.analysis.partners import Partners, partners
from napari_mixedptycho.analysis.placement import Placement, place
from napari_mixedptycho.analysis.table import columns_table, read_columns, write_columns
from napari_mixedptycho.analysis.truth import Agreement, Comparison, compare, match_columns
from napari_mixedptycho.analysis.vibration import (
    b_factor,
    ellipses,
    mean_frequency,
    mean_square,
    u_rms_interval,
)

__all__ = [
    "Agreement",
    "Amplitudes",
    "Centroid",
    "ColumnFinder",
    "ColumnMotion",
    "Comparison",
    "CorrelationSettings",
    "Correlations",
    "Fixed",
    "FloorSettings",
    "Gaussian",
    "Matter",
    "MotionSettings",
    "Partners",
    "Placement",
    "Pooled",
    "Recentred",
    "Verdict",
    "b_factor",
    "columns_table",
    "compare",
    "correlations",
    "ellipses",
    "find_columns",
    "inside_scan",
    "judge",
    "kept_numbers",
    "match_columns",
    "mean_frequency",
    "mean_square",
    "measure",
    "measure_phases",
    "neighbour_amplitudes",
    "partners",
    "place",
    "proposed_radius",
    "read_columns",
    "scan_positions",
    "truth_of_motion",
    "truth_of_structure",
    "u_rms_interval",
    "write_columns",
]
