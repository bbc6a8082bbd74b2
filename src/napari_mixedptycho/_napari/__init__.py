"""The window: layers, reader, sample data, the form and the dock. The only room with Qt and napari."""
