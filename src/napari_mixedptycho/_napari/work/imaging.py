"""Virtual images, the cross and the region: what happens when the panel of step 1 is used."""

from __future__ import annotations

import html
from contextlib import suppress

from qtpy.QtCore import QObject, QTimer, Signal

from napari_mixedptycho._napari.background import Background, Post
from napari_mixedptycho._napari.display import Display
from napari_mixedptycho._napari.scan_layers import Region
from napari_mixedptycho._napari.steps import Steps
from napari_mixedptycho._napari.virtual import LOOKED, Kept, Ring, Scan, Shot, detector_of, shots
from napari_mixedptycho._napari.work.desk import Desk
from napari_mixedptycho._napari.work.reading import Looked
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.imaging import BRIGHT, Images
from napari_mixedptycho.recipe import Recipe


class Imaging(QObject):
    """Shows virtual images of the open scan, complete or not, and follows its detectors.

    Signals
    -------
    arrived
        An image was brought to the screen; carries the `Shot`.
    """

    arrived = Signal(object)

    def __init__(self, desk: Desk, steps: Steps, display: Display) -> None:
        super().__init__(desk)
        self._desk, self._steps, self._layers, self._display = desk, steps, display.scan, display
        self._panel = steps.data.virtual
        self.scan: Scan | None = None
        self._file = ""
        self.rings: dict[str, Ring] = {}
        self._kind = BRIGHT
        self._images: Images | None = None
        self._kept: Kept | None = None
        self.point: tuple[int, int] | None = None
        self._wanted = False
        self._background = Background("mixedptycho images", self, "Reading the scan")
        self._background.arrived.connect(self._arrived)
        self._background.failed.connect(self._failed)
        panel = self._panel
        panel.chosen.connect(self.choose)
        panel.ring_changed.connect(self.set_ring)
        panel.mean_wanted.connect(self.show_mean)
        panel.complete_wanted.connect(lambda: self._ask(None))
        panel.stepped.connect(self.step)
        # Not while a number is being typed.
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(400)
        self._later.timeout.connect(self.refresh)
        for form in (steps.data.form, steps.calibrate.form):
            form.changed.connect(self._later.start)
        self._layers.stepped, self._layers.pointed = self.step, self.show_point
        self._layers.cut = self._cut
        panel.region_wanted.connect(lambda: self._draw_region(wanted=True))
        steps.data.form.changed.connect(self._draw_region)

    @property
    def busy(self) -> bool:
        """Whether patterns are being read."""
        return self._background.busy

    def open(self, looked: Looked, file: str, recipe: Recipe) -> None:
        """Show a data set whose detector is set right as a recipe says."""
        self._settled = settled(recipe)
        self.begin(looked, file)

    def begin(self, looked: Looked, file: str, *, wanted: bool = True) -> None:
        """Show a scan: at once what little of it tells, and the rest as it comes."""
        scan, last = looked.scan, looked.images
        before = self.scan if file == self._file else None
        same = before is not None and before.shape == scan.shape
        self._background.cancel()
        self.scan, self._file, self._images, self._kept = scan, file, last, None
        if before is None or not same or not _alike(before, scan):
            self.rings = scan.rings(last.mean_pattern)
        if scan.why_not(self._kind) or not same:
            self._kind, self.point = BRIGHT, None
        self._steps.data.show_scan(scan)
        self._panel.say(_changes(scan))
        self._panel.show_scan(scan, self.rings, self._kind)
        self._layers.begin(scan, file)
        self._wanted = wanted
        if self._kind == BRIGHT:
            self._show(Shot.of(BRIGHT, last))
        self._show_pattern()
        if before is not None and before.step != scan.step:
            # From points to ångströms: the image is of another size now.
            self._display.look()
        # The first look was taken where the disk should be; it may lie elsewhere.
        apart = self.rings[BRIGHT].center != scan.frame.center
        self._late = looked.late
        if self._late or last.stride > 1 or self._kind != BRIGHT or apart:
            self._ask(LOOKED)

    def refresh(self) -> None:
        """Look again when the settings on screen set the detector right in another way."""
        dataset = self._desk.dataset
        with suppress(InputError):
            recipe = self._steps.recipe()
            if dataset is not None and settled(recipe) != self._settled:
                self._settled = settled(recipe)
                self.begin(Looked.of(Scan.of(dataset, recipe)), self._file, wanted=False)

    def show_mask(self) -> None:
        """Colour the pixels that do not count, as they are."""
        if self.scan is not None:
            self._panel.pattern.show_masked(self.scan.frame.mask, self.scan.pixel)

    def end(self) -> None:
        """Show nothing any more."""
        self._background.cancel()
        self.scan = None
        self._layers.release()
        self._steps.data.show_scan(None)

    def choose(self, kind: str) -> None:
        """Show one of the images."""
        if self.scan is None:
            return
        self._kind, self._wanted = kind, True
        self._panel.show_scan(self.scan, self.rings, kind)
        self._ask(LOOKED)

    def set_ring(self, ring: Ring, over: bool = True) -> None:
        """Change the detector of the present image; until the change is over, only from memory."""
        self.rings[detector_of(self._kind)] = ring
        self._wanted = True
        self._ask(LOOKED if over else 0)

    def show_mean(self) -> None:
        """Show the mean pattern."""
        self.point = None
        self._show_pattern()

    def show_point(self, position: tuple[float, float]) -> None:
        """Show the pattern of the scan point nearest to a place (y, x) of the viewer."""
        found = self._layers.to_point(position)
        if found is not None:
            self.go_to(found)

    def step(self, rows: int, columns: int) -> None:
        """Go to another scan point."""
        scan = self.scan
        if scan is None:
            return
        row, column = self.point or (scan.shape[0] // 2, scan.shape[1] // 2)
        row = min(max(row + rows, 0), scan.shape[0] - 1)
        column = min(max(column + columns, 0), scan.shape[1] - 1)
        self.go_to((row, column))

    @property
    def position(self) -> tuple[float, float] | None:
        """Where the cross is in the viewer (y, x); None: it is not there."""
        return None if self.point is None else self._layers.to_position(self.point)

    def shutdown(self) -> None:
        """End what goes on; let go of the layers."""
        self._later.stop()
        self._background.shutdown()
        self._layers.release()

    def go_to(self, point: tuple[int, int]) -> None:
        """Show the pattern of a scan point (row, column), and mark it in the viewer."""
        self.point = point
        self._layers.show_point(point)
        self._show_pattern()

    def _show_pattern(self) -> None:
        scan, images = self.scan, self._images
        if scan is None or images is None:
            return
        if self.point is None:
            self._panel.show_pattern(images.mean_pattern, "Mean pattern")
            return
        row, column = self.point
        title = f"Scan point ({row}, {column})"
        if scan.frame.step is not None:
            title += f" at y {row * scan.step:.2f} Å, x {column * scan.step:.2f} Å"
        try:
            self._panel.show_pattern(scan.pattern(self.point), title)
        except (OSError, RuntimeError, ValueError) as error:
            self._failed(error)

    def _ask(self, budget: int | None) -> None:
        scan, kind, rings = self.scan, self._kind, dict(self.rings)
        if scan is None:
            return

        def job(post: Post) -> None:
            if self._kept is None or self._kept_of is not scan:
                kept = Kept.of(scan, lambda: post(None))
                self._kept, self._kept_of = kept, scan
            for shot in shots(scan, kind, rings, self._kept, budget=budget):
                post((scan, shot))

        self._background.ask(job, patient=budget == 0)

    _late = False
    """Whether what is on screen was not read in time."""
    _kept_of: Scan | None = None
    _settled: tuple[object, ...] = ()

    def _arrived(self, news: tuple[Scan, Shot] | None) -> None:
        if news is not None and news[0] is self.scan:
            self._show(news[1])

    def _show(self, shot: Shot) -> None:
        scan = self.scan
        assert scan is not None
        before, self._images = self._images, shot.images
        more = (
            self._late
            or before is None
            or before is shot.images
            or before.seen.sum() != shot.images.seen.sum()
        )
        self._late = False
        self._layers.show(shot, wanted=self._wanted)
        if self._wanted:
            self._layers.choose(shot.kind)
        self._wanted = False
        self._panel.show_progress(shot.done, shot.stride)
        if more:
            self._steps.data.show_summary(scan, shot.images, self._desk.dataset)
        if more and self.point is None:
            self._show_pattern()
        self.arrived.emit(shot)

    def _failed(self, error: Exception) -> None:
        text = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
        self._desk.complained.emit(f"The image could not be made: {text}")

    def _cut(self, region: Region) -> None:
        """Take the region of the rectangle."""
        form, scan = self._steps.data.form, self.scan
        if scan is None:
            return
        whole = region == (0, scan.shape[0], 0, scan.shape[1])
        form.editors["scan_region"].set_value(None if whole else region)
        form.changed.emit()

    def _draw_region(self, *, wanted: bool = False) -> None:
        with suppress(InputError):
            self._layers.show_region(self._steps.data.form.value().scan_region, wanted=wanted)


def settled(recipe: Recipe) -> tuple[object, ...]:
    """Return the settings that say what patterns look like and how detector and scan lie."""
    return recipe.microscope, recipe.data.model_copy(update={"scan_region": None})


def _alike(one: Scan, other: Scan) -> bool:
    """Tell whether a detector means the same on both."""
    return one.size == other.size and all(
        getattr(one.frame, name) == getattr(other.frame, name) for name in ("center", "radius", "sampling")
    )


def _changes(scan: Scan) -> str:
    """Say what was done to the patterns, and which pixels are coloured."""
    told = list(scan.notes)
    mask = scan.frame.mask
    if mask is not None and not mask.all():
        told.append(f"Not measured (blue): {int((~mask).sum())} of {mask.size} pixels.")
    return " ".join(html.escape(text) for text in told)
