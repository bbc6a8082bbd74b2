"""``python -m napari_mixedptycho``: the command line, where the command itself is not on the path."""

import sys

from napari_mixedptycho.cli import main

sys.exit(main())
