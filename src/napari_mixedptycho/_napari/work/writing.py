"""Writing down what was found: tables, figures, EMD, TIFF, and the report."""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices

from napari_mixedptycho._napari.background import Background, Post
from napari_mixedptycho._napari.control import in_words
from napari_mixedptycho._napari.steps import Steps
from napari_mixedptycho._napari.work.book import Book
from napari_mixedptycho._napari.work.desk import Desk
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.export import USUAL, Findings, export, report, write_report
from napari_mixedptycho.words import counted


@dataclass(frozen=True)
class _Told:
    """A sentence about work beside the window, and at its end the folder of what was written."""

    text: str
    folder: Path | None = None


class Writing:
    """Writes the findings on the desk; figures take some seconds and are drawn beside the window."""

    def __init__(self, desk: Desk, steps: Steps, book: Book) -> None:
        self._desk, self._page, self._book = desk, steps.analyse, book
        self._background = Background("mixedptycho export", desk, "Writing figures and tables")
        self._folder = Path()
        self._background.arrived.connect(self._tell)
        self._background.failed.connect(lambda error: desk.complained.emit(in_words(error)))
        self._background.ended.connect(self._update_buttons)
        self._page.folder_button.clicked.connect(lambda: self.open_folder())
        desk.changed.connect(self._update_buttons)

    def export(self, folder: str | os.PathLike[str]) -> list[Path]:
        """Write tables, EMD, TIFF, recipe and figures into a folder; returns the files.

        Raises
        ------
        InputError, OSError
            When no columns were found yet, or a file cannot be written.
        """
        written = list(_written(self._needed(), Path(folder)))
        self._tell(_Told(_wrote(len(written), folder), Path(folder)))
        return written

    def export_beside(self, folder: str | os.PathLike[str]) -> None:
        """Do the same beside the window; raises `InputError` when no columns were found yet."""
        found = self._needed()

        self._write_beside(Path(folder), lambda: _written(found, Path(folder)))

    def figures_beside(self, folder: str | os.PathLike[str]) -> None:
        """Write all figures, PNG and SVG, with the control where there is one (`InputError` as above)."""
        found = self._needed()
        self._write_beside(Path(folder), lambda: _drawn(found, Path(folder)))

    def report_beside(self, path: str | os.PathLike[str]) -> None:
        """Write the report, one page of HTML, beside the window; raises `InputError` as `export_beside`."""
        found, dataset = self._needed(), self._desk.source
        files = {"report": os.fspath(path)}
        entry = self._book.of(found.result)
        if entry is not None and entry.file is not None:
            files["result"] = str(entry.file)

        def work(post: Post) -> None:
            post(_Told("Drawing the figures of the report …"))
            page = _reported(found, dataset, files)
            post(_Told(f"Wrote {page}", page.parent))

        self._ask(work)

    def open_folder(self) -> None:
        """Open the folder of what was written last, in the program that the system has for folders."""
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._folder)))

    def shutdown(self) -> None:
        """Wait for what is being written."""
        self._background.shutdown()

    def _write_beside(self, folder: Path, files: Callable[[], Iterator[Path]]) -> None:
        def work(post: Post) -> None:
            count = 0
            for file in files():
                count += 1
                post(_Told(f"Wrote {file.name} …"))
            post(_Told(_wrote(count, folder), folder))

        self._ask(work)

    def _tell(self, told: _Told) -> None:
        self._desk.said.emit(told.text)
        if told.folder is not None:
            self._folder = told.folder.resolve()
            self._page.show_written(told.text)

    def _ask(self, work: Callable[[Post], None]) -> None:
        if self._background.busy:
            raise InputError("Something is being written; wait for it.")
        self._background.ask(work)
        self._update_buttons()

    def _needed(self) -> Findings:
        if self._desk.found is None:
            raise InputError("Find the columns first.")
        return self._desk.found

    def _update_buttons(self) -> None:
        reason = "" if self._desk.found is not None else "Find the columns first"
        self._page.show_export("Something is being written" if self._background.busy else reason)


def _written(found: Findings, folder: Path) -> Iterator[Path]:
    """Write everything, file by file."""
    for kind in USUAL:
        yield from export(found, folder, (kind,))
    yield from _drawn(found, folder)


def _drawn(found: Findings, folder: Path) -> Iterator[Path]:
    """Write all figures, one by one."""
    # Matplotlib takes its time, and is needed here only.
    from napari_mixedptycho.analysis.figures import album, write_album

    for plate in album(found.subject):
        yield from write_album([plate], folder, (".png", ".svg"))


def _reported(found: Findings, dataset: Dataset | None, files: dict[str, str]) -> Path:
    today = datetime.date.today().isoformat()
    return write_report(files["report"], report(found, dataset, files, today))


def _wrote(count: int, folder: str | os.PathLike[str]) -> str:
    return f"Wrote {counted(count, 'file')} to {os.fspath(folder)}"
