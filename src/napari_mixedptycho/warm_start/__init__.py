"""A run begins from an earlier result: ours or another program's, of another crop, padding, model or grid."""

from napari_mixedptycho.warm_start.begin import begin
from napari_mixedptycho.warm_start.change import carried, shared_probe, with_states
from napari_mixedptycho.warm_start.earlier import Earlier, read_earlier, scan_start

__all__ = ["Earlier", "begin", "carried", "read_earlier", "scan_start", "shared_probe", "with_states"]
