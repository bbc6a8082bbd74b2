"""Mixed-object multislice electron ptychography: see the atoms, and how they move."""

__version__ = "0.1.0"
