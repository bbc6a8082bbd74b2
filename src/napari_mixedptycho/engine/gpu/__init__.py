"""The chunk of `View` on a GPU: fused kernels, their twins in NumPy, and when they are used."""
