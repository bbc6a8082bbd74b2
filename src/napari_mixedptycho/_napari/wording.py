"""Numbers in words, as the dock writes them."""

from __future__ import annotations


def size(count: float) -> str:
    """Return bytes in words."""
    return f"{count / 2**30:.1f} GiB" if count >= 2**29 else f"{count / 2**20:.0f} MiB"


def amount(number: float) -> str:
    """Return a large number with three digits that count, in groups of three: 1 240 000."""
    if not 1e3 <= number < 1e9:
        return f"{number:.3g}"
    return f"{round(float(f'{number:.3g}')):,}".replace(",", "\u202f")


def duration(seconds: float) -> str:
    """Return a time in words, two units at most."""
    if seconds < 1:
        return f"{1e3 * seconds:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"
