"""The ways to measure where a column is, as one choice; what each is worth stands in docs/analysis.md."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from napari_mixedptycho.analysis.centroid import Fixed, Recentred
from napari_mixedptycho.analysis.gaussian import Gaussian

Centroid = Annotated[Recentred | Fixed | Gaussian, Field(discriminator="kind")]
