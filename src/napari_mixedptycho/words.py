"""Numbers in words, as the command line and the dock write them."""

from __future__ import annotations

import math


def counted(number: int, noun: str, several: str = "") -> str:
    """Return a number with what is counted: 1 column, 2 columns; `several` where more than an s is added."""
    return f"{number} {noun if number == 1 else several or noun + 's'}"


def interval(low: float, high: float, digits: int) -> str:
    """Return an interval; what has no upper end is above the lower one."""
    return f"{low:.{digits}f} to {high:.{digits}f}" if math.isfinite(high) else f"above {low:.{digits}f}"


def size(count: float) -> str:
    """Return bytes as kB, MB or GB, of a thousand each, as the setting `run.data_memory` counts them."""
    if count < 999.5e3:
        return f"{count / 1e3:.0f} kB"
    return f"{count / 1e9:.1f} GB" if count >= 999.5e6 else f"{count / 1e6:.0f} MB"


def amount(number: float) -> str:
    """Return a large number with three digits that count, in groups of three: 1 240 000."""
    if not 1e3 <= number < 1e9:
        return f"{number:.3g}"
    return f"{round(float(f'{number:.3g}')):,}".replace(",", "\u202f")


def duration(seconds: float) -> str:
    """Return a time in words, two units at most: 400 ms, 1.2 s, 12 s, 3 min 5 s, 1 h 2 min."""
    if 0 < seconds < 0.9995:
        return f"{1e3 * seconds:.0f} ms"
    if 0 < seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = max(round(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"
