"""``python -m napari_mixedptycho.running FOLDER``: the process of one run; nobody starts it by hand."""

from napari_mixedptycho.running.server import main

if __name__ == "__main__":
    main()
