"""Shapes that a scan may have, each with what the scan would look like; a click takes one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QIcon
from qtpy.QtWidgets import QGridLayout, QToolButton, QWidget

from napari_mixedptycho._napari.pages.found import pixmap
from napari_mixedptycho.imaging import ScanGuess
from napari_mixedptycho.io.scan_shape import row_pitch
from napari_mixedptycho.words import counted

Shape = tuple[int, int]
_TILE = 96
"""Edge of a picture, px of the screen."""
_ABREAST = 3
_SEEN = 0.3
"""Similarity of rows above which the likeliest is named."""


class ShapeTiles(QWidget):
    """Proposals of rows × columns; pictures come when they are there.

    Signals
    -------
    chosen
        (rows, columns) of the one that was clicked.
    """

    chosen = Signal(object)

    def __init__(self, patterns: int) -> None:
        super().__init__()
        self._patterns = patterns
        self.tiles: dict[str, QToolButton] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(2)

    def show_shapes(self, shapes: Sequence[Shape]) -> None:
        """Propose shapes of which nothing was seen yet."""
        self._show([ScanGuess(shape, 0.0, np.zeros((1, 1))) for shape in shapes])

    def show_guesses(self, guesses: Sequence[ScanGuess]) -> None:
        """Propose shapes with their pictures, the likeliest first."""
        self._show(guesses)
        for place, (guess, tile) in enumerate(zip(guesses, self.tiles.values(), strict=True)):
            sure = place == 0 and guess.similarity > _SEEN
            tile.setText(f"{tile.text()}\n{'likeliest' if sure else ''}")
            tile.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
            tile.setIconSize(QSize(_TILE, _TILE))
            ratio = self.devicePixelRatioF()
            tile.setIcon(QIcon(pixmap(_picture(guess.image, round(ratio * _TILE)), ratio)))
            tile.setToolTip(f"<qt>{self._tip(guess)}</qt>")

    def _show(self, guesses: Sequence[ScanGuess]) -> None:
        for old in self.tiles.values():
            old.setParent(None)
            old.deleteLater()
        self.tiles = {}
        for place, guess in enumerate(guesses):
            rows, columns = guess.shape
            tile = self.tiles[f"{rows} × {columns}"] = QToolButton()
            tile.setText(f"{rows} × {columns}")
            tile.setProperty("row", True)
            tile.setToolTip(f"<qt>{self._left_out(guess.shape)}</qt>")
            tile.clicked.connect(lambda _=False, shape=guess.shape: self.chosen.emit(shape))
            self._grid.addWidget(tile, place // _ABREAST, place % _ABREAST)

    def _tip(self, guess: ScanGuess) -> str:
        rows, columns = guess.shape
        seen = len(guess.image)
        part = "all rows" if seen == rows else f"the first {seen} of {rows} rows"
        return (
            f"{rows} rows of {columns}: neighbouring rows are alike by {guess.similarity:.2f} (1: the same, "
            f"0: not at all). {self._left_out(guess.shape)}. Shown: {part}. With a wrong length the picture "
            "is sheared or torn."
        )

    def _left_out(self, shape: Shape) -> str:
        left = self._patterns - shape[0] * shape[1]
        if not left:
            return "Every pattern is taken"
        flyback = row_pitch(shape, self._patterns) > shape[1]
        why = "as fly-back" if flyback else "since that makes no whole row"
        return f"Left out: {counted(left, 'pattern')}, {why}"


def _picture(image: NDArray[np.float64], edge: int) -> NDArray[np.uint8]:
    """Return a tile (y, x, rgba) of `edge` px with the image in its middle; a very narrow one is widened."""
    low, high = np.percentile(image, [1, 99])
    grey = np.clip(255 * (image - low) / max(float(high - low), 1e-12), 0, 255).astype(np.uint8)
    scale = edge / max(image.shape)
    sizes = [max(3, round(n * scale)) for n in image.shape]
    rows, columns = (
        np.minimum((np.arange(size) / size * n).astype(int), n - 1)
        for size, n in zip(sizes, image.shape, strict=True)
    )
    grey = grey[np.ix_(rows, columns)]
    tile = np.zeros((edge, edge, 4), np.uint8)
    top, left = ((edge - n) // 2 for n in grey.shape)
    shown = tile[top : top + len(grey), left : left + grey.shape[1]]
    shown[..., :3], shown[..., 3] = grey[..., None], 255
    return tile
