"""Built-in crystals, each seen along a zone axis, in an upright cell whose third axis is the beam.

Lattice constants at room temperature: R. W. G. Wyckoff, Crystal Structures (1963); for graphene and hexagonal
boron nitride those of the bulk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

Site = tuple[str, float, float, float]
"""Element, and y, x, z as parts of the cell."""


@dataclass(frozen=True)
class Crystal:
    """A cell to repeat.

    Attributes
    ----------
    title
        What it is, for a person.
    cell
        Lengths along y, x and the beam, Å.
    sites
        Its atoms.
    layer
        A single layer: it is not repeated along the beam.
    """

    title: str
    cell: tuple[float, float, float]
    sites: tuple[Site, ...]
    layer: bool = False


def _diamond_110(title: str, edge: float, first: str, second: str) -> Crystal:
    """Dumb-bells along y, edge/4 apart."""
    short = edge / sqrt(2)
    sites = ((first, 0, 0, 0), (first, 0.5, 0.5, 0.5), (second, 0.25, 0, 0.5), (second, 0.75, 0.5, 0))
    return Crystal(title, (edge, short, short), _spread(sites))


def _cubic(title: str, edge: float, sites: Sequence[Site]) -> Crystal:
    return Crystal(title, (edge, edge, edge), _spread(sites))


def _face_centred(symbol: str, y: float = 0.0, x: float = 0.0, z: float = 0.0) -> list[Site]:
    corners = ((0, 0, 0), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5))
    return [(symbol, (v + y) % 1, (u + x) % 1, (w + z) % 1) for v, u, w in corners]


def _honeycomb(
    title: str,
    edge: float,
    first: Sequence[tuple[str, float]],
    second: Sequence[tuple[str, float]],
    height: float,
) -> Crystal:
    """Upright cell of a honeycomb: zigzag along x; both kinds of site as element and z."""
    places = ((first, 0.0, 0.0), (first, 0.5, 0.5), (second, 1 / 3, 0.0), (second, 5 / 6, 0.5))
    sites = tuple((symbol, y, x, z) for stack, y, x in places for symbol, z in stack)
    return Crystal(title, (edge * sqrt(3), edge, height), _spread(sites), layer=True)


def _spread(sites: Sequence[Site]) -> tuple[Site, ...]:
    return tuple((symbol, float(y), float(x), float(z)) for symbol, y, x, z in sites)


_PEROVSKITE: tuple[Site, ...] = (
    ("Sr", 0, 0, 0),
    ("Ti", 0.5, 0.5, 0.5),
    ("O", 0.5, 0.5, 0),
    ("O", 0.5, 0, 0.5),
    ("O", 0, 0.5, 0.5),
)

CRYSTALS: dict[str, Crystal] = {
    "silicon": _diamond_110("silicon [110]", 5.4310, "Si", "Si"),
    "silicon-100": _cubic(
        "silicon [100]", 5.4310, _face_centred("Si") + _face_centred("Si", 0.25, 0.25, 0.25)
    ),
    "germanium": _diamond_110("germanium [110]", 5.6575, "Ge", "Ge"),
    "gallium-arsenide": _diamond_110("gallium arsenide [110]", 5.6533, "Ga", "As"),
    "gold": _cubic("gold [100]", 4.0782, _face_centred("Au")),
    "aluminium": _cubic("aluminium [100]", 4.0496, _face_centred("Al")),
    "magnesium-oxide": _cubic(
        "magnesium oxide [100]", 4.2112, _face_centred("Mg") + _face_centred("O", 0.5, 0.0, 0.0)
    ),
    "strontium-titanate": _cubic("strontium titanate [001]", 3.9051, _PEROVSKITE),
    "graphene": _honeycomb("graphene", 2.4612, [("C", 0.5)], [("C", 0.5)], 3.35),
    "hbn": _honeycomb("hexagonal boron nitride, one layer", 2.5040, [("B", 0.5)], [("N", 0.5)], 3.33),
    "mos2": _honeycomb(
        "molybdenum disulphide, one layer", 3.1604, [("Mo", 0.5)], [("S", 0.2452), ("S", 0.7548)], 6.147
    ),
}
"""By the name that the command line knows."""
