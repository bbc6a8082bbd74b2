"""What each way to measure a column is worth, on drawn truth: ``python benchmarks/estimators.py``.

The thirty true snapshots of the silicon grain boundary are drawn as atoms of the shape that reconstructions
give them, with and without noise, and measured. Prints the table of docs/analysis.md.
"""

from __future__ import annotations

import time

import numpy as np

from napari_mixedptycho.analysis.centroid import Fixed, Recentred
from napari_mixedptycho.analysis.estimators import Centroid
from napari_mixedptycho.analysis.gaussian import Gaussian
from napari_mixedptycho.analysis.render import Blob, Canvas, render
from napari_mixedptycho.io import load, sample_path

SAMPLING = 0.1875
SHAPES = {"as reconstructed": Blob(0.38, 0.03, 0.3), "blunter": Blob(0.38, 0.25, 0.3)}
"""What `analysis.compare` fits to results of these data, and one blurred more."""
NOISE = 0.03
"""sd ÷ median height of the columns."""
WAYS: dict[str, Centroid] = {
    "re-centred, 0.3 Å": Recentred(radius=0.3),
    "re-centred, 0.4 Å (default)": Recentred(),
    "re-centred, 0.6 Å": Recentred(radius=0.6),
    "fixed, 5 px, raw (the paper)": Fixed(),
    "fixed, 2 px, lowest": Fixed(half_width=2, zero="lowest"),
    "Gaussian, 0.8 Å": Gaussian(),
    "Gaussian, 0.5 Å": Gaussian(radius=0.5),
    "Gaussian, 0.8 Å, alone": Gaussian(neighbours=0.0),
}


def rms(values: np.ndarray) -> float:
    return float(np.sqrt((values**2).mean()))


def noise(shape: tuple[int, ...], blob: Blob, canvas: Canvas, sd: float) -> np.ndarray:
    """Return noise (snapshot, y, x) that is as blurred as the columns are."""
    white = np.random.default_rng(0).standard_normal(shape)
    blurred = np.fft.ifft2(
        np.fft.fft2(white) * np.exp(-2 * np.pi**2 * blob.width**2 * canvas.k_squared())
    ).real
    return blurred * (sd / blurred.std())


def main() -> None:
    truth = load(str(sample_path("si_sigma9"))).truth
    assert truth is not None
    inside = truth.columns_in_scan
    columns, true = truth.columns_mean[inside], truth.columns_per_snapshot[:, inside]
    canvas = Canvas.around(columns, SAMPLING, (0.0, 0.0))
    print("| atoms | way | bias (Å) | motion ÷ true | noise (Å) | ms per column |")
    print("|---|---|---|---|---|---|")
    for label, blob in SHAPES.items():
        clean = render(truth.atoms, canvas, blob)
        top = float(np.percentile(clean.mean(axis=0), 99)) - float(np.percentile(clean.mean(axis=0), 10))
        noisy = clean + noise(clean.shape, blob, canvas, NOISE * top)
        for name, way in WAYS.items():
            began = time.perf_counter()
            found = way.positions(clean, SAMPLING, canvas.origin, columns)
            spent = (time.perf_counter() - began) / found.shape[0] / found.shape[1]
            again = way.positions(noisy, SAMPLING, canvas.origin, columns)
            bias = rms(found.mean(axis=0) - true.mean(axis=0))
            ratio = rms(found.std(axis=0)) / rms(true.std(axis=0))
            numbers = f"{bias:.4f} | {ratio:.3f} | {rms(again - found):.4f} | {1e3 * spent:.1f}"
            print(f"| {label} | {name} | {numbers} |")


if __name__ == "__main__":
    main()
