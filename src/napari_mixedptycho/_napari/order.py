"""Where the Tab key goes: from one widget to the next as they stand on the screen, line by line.

Qt goes in the order in which widgets were made; those that are made when first needed would come last.
"""

from __future__ import annotations

from functools import partial
from itertools import takewhile
from operator import gt

from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QAbstractButton, QWidget


def stops(root: QWidget) -> list[QWidget]:
    """Return what the Tab key can reach in a widget, in reading order."""
    found = [(w.mapTo(root, QPoint(0, 0)), w) for w in root.findChildren(QWidget) if _is_stop(w, root)]
    found.sort(key=lambda entry: (entry[0].y(), entry[0].x()))
    order: list[QWidget] = []
    while found:
        end = found[0][0].y() + found[0][1].height()
        middles = (place.y() + w.height() // 2 for place, w in found[1:])
        # Sorted by their upper edges, what is beside the first one follows it at once.
        line = found[: 1 + sum(1 for _ in takewhile(partial(gt, end), middles))]
        order += [w for _, w in sorted(line, key=lambda entry: entry[0].x())]
        found = found[len(line) :]
    return order


def beyond(root: QWidget, now: QWidget, *, forward: bool) -> QWidget | None:
    """Return what the Tab key reaches outside a widget, by Qt's own order; None: nothing."""
    other: QWidget | None = now
    for _ in range(100_000):
        other = other.nextInFocusChain() if forward else other.previousInFocusChain()  # type: ignore[union-attr]
        if other is None or other is now:
            return None
        if not root.isAncestorOf(other) and other is not root and _is_stop(other, other.window()):
            return other
    return None


def _is_stop(widget: QWidget, root: QWidget | None) -> bool:
    if not (widget.isEnabled() and widget.focusPolicy() & Qt.FocusPolicy.TabFocus):
        return False
    if root is None or widget.focusProxy() is not None or not widget.isVisibleTo(root):
        return False
    # Of buttons of which one is down only that one: the arrow keys go to the others.
    group = widget.group() if isinstance(widget, QAbstractButton) else None
    down = group.checkedButton() if group is not None and group.exclusive() else None
    return down is None or down is widget or not down.isVisibleTo(root)
