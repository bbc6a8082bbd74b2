"""Results of other programs: their files to our conventions.

One module per program; each says what its files look like, and where that is written. Nothing is ever
unpickled: a pickle runs whatever its author put into it.
"""

from napari_mixedptycho.exchange.imported import Imported
from napari_mixedptycho.exchange.read import read_foreign

__all__ = ["Imported", "read_foreign"]
