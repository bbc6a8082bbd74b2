"""A reconstruction that is watched and steered: in a thread of this process, or in a process of its own."""

from napari_mixedptycho.running.apart import Apart, Seat, SeatLostError
from napari_mixedptycho.running.job import Job
from napari_mixedptycho.running.news import Look, Memory, News
from napari_mixedptycho.running.work import Work, doubts

__all__ = ["Apart", "Job", "Look", "Memory", "News", "Seat", "SeatLostError", "Work", "doubts"]
