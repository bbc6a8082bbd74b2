"""Keep probe modes orthogonal without changing what they predict."""

from __future__ import annotations

from collections.abc import Callable

from napari_mixedptycho._array import Array, namespace

Turn = Callable[[Array], Array]


def rotation(probe: Array) -> Turn:
    """Return the unitary change of modes that makes them orthogonal, strongest first.

    The patterns are a sum over modes, so any unitary change leaves them as they are; the same change can
    be made to a solver's memory. Thibault & Menzel, Nature 494, 68 (2013).

    Parameters
    ----------
    probe
        (mode, y, x).
    """
    xp = namespace(probe)
    # Sums element by element, not matrix products: those depend on the number of threads.
    overlap = xp.stack([xp.stack([(a.conj() * b).sum() for b in probe]) for a in probe])
    _, vectors = xp.linalg.eigh(overlap)
    turn = vectors[:, ::-1].T.astype(probe.dtype)

    def apply(modes: Array) -> Array:
        return xp.stack([(factors[:, None, None] * modes).sum(axis=0) for factors in turn])

    return apply


def gram_schmidt(probe: Array) -> Array:
    """Return the modes with the projections on earlier ones removed; Gladyshev et al. (2023).

    Unlike `rotation` this changes the patterns slightly, so a solver's memory is void afterwards.

    Parameters
    ----------
    probe
        (mode, y, x).
    """
    xp = namespace(probe)
    columns, triangle = xp.linalg.qr(probe.reshape(len(probe), -1).T)
    return (columns * xp.diag(triangle)).T.reshape(probe.shape).astype(probe.dtype)
