"""Rows of what was measured, their pictures, and the eight orientations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QIcon, QImage, QKeyEvent, QMouseEvent, QPixmap, QResizeEvent, QShowEvent
from qtpy.QtWidgets import QDialog, QGridLayout, QLabel, QScrollArea, QToolButton, QVBoxLayout, QWidget

from napari_mixedptycho._napari.found import SIGNS, WORDS, Row
from napari_mixedptycho._napari.images import percentile_limits
from napari_mixedptycho._napari.parts import enable, mark
from napari_mixedptycho.thumbnails import Choice, Thumbnail

_TILE = 82
"""Edge of a thumbnail, px of the screen."""
_FRAME = 1
"""Around a picture, px: seen while it has the focus."""
_PRESSED = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)


class FoundRow(QToolButton):
    """One number: a sign and a word for whether to believe it, its value and where it comes from."""

    def __init__(self, row: Row) -> None:
        super().__init__()
        self.row = row
        self.setProperty("row", True)
        self.setCheckable(bool(row.picture))
        self.setAccessibleName(f"{row.label}: {row.value}, {WORDS[row.state]}")
        grid = QGridLayout(self)
        grid.setContentsMargins(6, 3, 6, 3)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(0)
        grid.setColumnStretch(2, 1)
        self.sign = QLabel(SIGNS[row.state])
        mark(self.sign, "good", row.state == "good")
        mark(self.sign, "warn", row.state == "odd")
        name, value = QLabel(row.label), QLabel(row.value)
        mark(value, "heading", False)
        self.source = QLabel(f"{WORDS[row.state]}; {row.source}")
        self.source.setWordWrap(True)
        mark(self.source, "note", True)
        mark(self.source, "warn", row.state == "odd")
        self.name = name
        grid.addWidget(self.sign, 0, 0)
        grid.addWidget(name, 0, 1)
        grid.addWidget(value, 0, 2)
        grid.addWidget(self.source, 1, 1, 1, 2)
        for label in (self.sign, name, value, self.source):
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setToolTip("<qt>Show how it was measured</qt>" if row.picture else f"<qt>{row.source}</qt>")

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Ask for what the labels need."""
        layout = self.layout()
        return layout.sizeHint() if layout is not None else super().sizeHint()

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Ask for little width: the source wraps."""
        return QSize(200, self.sizeHint().height())


class FoundRows(QWidget):
    """All rows.

    Signals
    -------
    wanted
        Name of the picture that is asked for.
    """

    wanted = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[FoundRow] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(1)
        self.setVisible(False)

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Show these; none: nothing."""
        for old in self.rows:
            old.setParent(None)
            old.deleteLater()
        self.rows = [FoundRow(row) for row in rows]
        for made in self.rows:
            made.setSizePolicy(made.sizePolicy().Policy.Expanding, made.sizePolicy().Policy.Fixed)
            made.clicked.connect(lambda _=False, made=made: self._choose(made))
            self._column.addWidget(made)
        self.setVisible(bool(rows))
        self._align()

    def showEvent(self, event: QShowEvent | None) -> None:  # noqa: N802 - Qt's name
        """Align the values in the font that is really used."""
        super().showEvent(event)
        self._align()

    def _align(self) -> None:
        for made in self.rows:
            made.name.ensurePolished()
        width = max((made.name.sizeHint().width() for made in self.rows), default=0)
        for made in self.rows:
            made.name.setMinimumWidth(width)

    def _choose(self, chosen: FoundRow) -> None:
        for made in self.rows:
            made.setChecked(made is chosen and bool(made.row.picture))
        if chosen.row.picture:
            self.wanted.emit(chosen.row.picture)


class PictureBox(QLabel):
    """A picture as wide as the page; a click or Return shows it in full size in a window of its own."""

    def __init__(self) -> None:
        super().__init__()
        self._pixmap: QPixmap | None = None
        self.window_: QDialog | None = None
        self.setMinimumWidth(100)
        self.setToolTip("<qt>Click, or press Return, to see it in full size</qt>")
        self.setAccessibleName("How it was measured")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setProperty("picture", True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setVisible(False)

    def show_picture(self, image: NDArray[np.uint8] | None) -> None:
        """Show (y, x, rgba); None: nothing."""
        self._pixmap = None if image is None else pixmap(image)
        self.setVisible(image is not None)
        self._fit()
        if self.window_ is not None and self.window_.isVisible() and self._pixmap is not None:
            self._enlarge()

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802 - Qt's name
        """Follow the width of the page."""
        super().resizeEvent(event)
        self._fit()

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Show it in full size."""
        if self._pixmap is not None:
            self._enlarge()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802 - Qt's name
        """Show it in full size."""
        if event is None or event.key() not in _PRESSED or self._pixmap is None:
            super().keyPressEvent(event)
            return
        self._enlarge()

    def _fit(self) -> None:
        if self._pixmap is None:
            return
        ratio = self.devicePixelRatioF()
        width = max(self.width() - 2 * _FRAME, 100)
        shown = self._pixmap.scaledToWidth(round(ratio * width), Qt.TransformationMode.SmoothTransformation)
        shown.setDevicePixelRatio(ratio)
        self.setPixmap(shown)
        height = round(shown.height() / ratio) + 2 * _FRAME
        if self.height() != height:
            self.setFixedHeight(height)

    def _enlarge(self) -> None:
        if self.window_ is None:
            self.window_ = QDialog(self)
            self.window_.setWindowTitle("How it was measured")
            column = QVBoxLayout(self.window_)
            column.setContentsMargins(0, 0, 0, 0)
            self._large = QLabel()
            area = QScrollArea()
            area.setWidget(self._large)
            area.setWidgetResizable(True)
            column.addWidget(area)
        assert self._pixmap is not None
        self._large.setPixmap(self._pixmap)
        self.window_.resize(self._pixmap.size() + QSize(4, 4))
        self.window_.show()
        self.window_.raise_()


class Thumbnails(QWidget):
    """Quick reconstructions, two rows of four; a click takes that orientation.

    Signals
    -------
    chosen
        The `Thumbnail` that was clicked.
    """

    chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.tiles: list[QToolButton] = []
        self._looks: tuple[Thumbnail, ...] = ()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(2)
        for index in range(8):
            tile = QToolButton()
            tile.setProperty("row", True)
            tile.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
            tile.setIconSize(QSize(_TILE, _TILE))
            tile.setCheckable(True)
            tile.clicked.connect(lambda _=False, index=index: self._choose(index))
            self._grid.addWidget(tile, index // 4, index % 4)
            self.tiles.append(tile)
        self.show_looks((), None)

    def show_looks(self, looks: Sequence[Thumbnail], choice: Choice | None, taken: object = None) -> None:
        """Show those that are there; once all are, `choice` names the best. `taken` is in use."""
        self._looks = tuple(looks)
        for index, tile in enumerate(self.tiles):
            tile.setVisible(bool(looks))
            enable(tile, "" if index < len(looks) else "Not reconstructed yet", "")
            if index >= len(looks):
                tile.setText("…")
                tile.setIcon(QIcon())
                continue
            look = looks[index]
            best = choice is not None and look is choice.winner
            used = look.orientation == taken
            words = [w for w, there in (("best", best), ("in use", used)) if there]
            tile.setText(f"{short(look)}\n{', '.join(words)}")
            ratio = self.devicePixelRatioF()
            tile.setIcon(QIcon(pixmap(_grey(look.phase, round(ratio * _TILE)), ratio)))
            tile.setChecked(used)
            tile.setToolTip(
                f"<qt>{look.label}: loss {look.loss:.4g}, defocus {look.defocus:+.0f} Å, phase leans to "
                f"peaks by {look.lean:+.2f}. Click to take this one.</qt>"
            )

    def _choose(self, index: int) -> None:
        if index < len(self._looks):
            self.chosen.emit(self._looks[index])


def short(look: Thumbnail) -> str:
    """Return few letters for an orientation: T transposed, Y and X turned."""
    way = look.orientation
    letters = [
        letter for letter, there in (("T", way.transpose), ("Y", way.flip_y), ("X", way.flip_x)) if there
    ]
    return " ".join(letters) or "as stored"


def pixmap(image: NDArray[np.uint8], ratio: float = 1.0) -> QPixmap:
    """Return (y, x, rgba) for a screen that has `ratio` dots for each pixel of a widget."""
    image = np.ascontiguousarray(image)
    rows, columns = image.shape[:2]
    made = QImage(image.tobytes(), columns, rows, 4 * columns, QImage.Format.Format_RGBA8888)
    found = QPixmap.fromImage(made.copy())
    found.setDevicePixelRatio(ratio)
    return found


def _grey(phase: NDArray[np.floating], edge: int) -> NDArray[np.uint8]:
    """Return (y, x, rgba) of at least `edge` px."""
    low, high = percentile_limits(phase)
    value = np.clip(255 * (phase - low) / (high - low), 0, 255).astype(np.uint8)
    repeat = max(1, -(-edge // len(value)))
    value = np.kron(value, np.ones((repeat, repeat), np.uint8))
    return np.stack([value, value, value, np.full_like(value, 255)], axis=-1)
