"""The page that stands for a result: complete, honest, safe to open, the same every time."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from napari_mixedptycho.analysis.recovery import Recovery
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.export import Findings, report, write_report
from napari_mixedptycho.export.facts import data_facts
from napari_mixedptycho.export.page import NOT_PROVEN, ONE_STATE, commands
from napari_mixedptycho.result import Result
from tests.analysis import specimen as s

WICKED = 'Si <Σ9> & "co" <script>alert(1)</script>'
MICROSCOPE = ("energy=60000.0", "semiangle=30.0", "scan_step=0.5", "detector_sampling=0.05", "defocus=50.0")


def known(result: Result, name: str = "specimen") -> Result:
    recipe = result.recipe
    for change in MICROSCOPE:
        recipe = recipe.with_set(f"microscope.{change}")
    return result.replace(recipe=recipe, name=name)


@pytest.fixture(scope="module")
def found() -> Findings:
    return Findings.of(known(s.result(s.drawn(s.moving(6), noise=0.02)), WICKED), None, s.truth(s.moving(6)))


@pytest.fixture(scope="module")
def judged(found: Findings) -> Findings:
    still = s.result(s.drawn(s.moving(6, sd=0.004, seed=3), noise=0.02, seed=5))
    return Findings.of(found.result, still, s.truth(s.moving(6)))


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the figures out, where they are not what is asked for."""
    monkeypatch.setattr("napari_mixedptycho.export.page._figures", lambda _: [])


@pytest.fixture(scope="module")
def page(found: Findings) -> str:
    return report(found, date="2023-09-20")


class Reader(HTMLParser):
    """Collects tags, their attributes, and the text; complains about what is not closed."""

    EMPTY = frozenset({"meta", "img", "br", "link"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.texts)


def test_names_of_data_are_text_and_nothing_else(page: str) -> None:
    read = Reader(page)
    assert "script" not in {tag for tag, _ in read.tags}
    assert WICKED in read.text
    assert f"Report: {WICKED}" in read.text  # the title too


def test_nothing_is_fetched_from_elsewhere(page: str) -> None:
    read = Reader(page)
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in read.tags}
    for _, attributes in read.tags:
        for name in ("src", "href"):
            assert (attributes.get(name) or "data:").startswith("data:")
    outside = re.sub(r"base64,[A-Za-z0-9+/=]+", "", page)
    assert "http" not in outside
    assert "url(" not in outside
    assert "@import" not in outside


def test_figures_are_inside_with_captions(page: str) -> None:
    images = [attributes for tag, attributes in Reader(page).tags if tag == "img"]
    assert len(images) >= 12
    for number, image in enumerate(images, start=1):
        assert image["alt"]
        assert f"Figure {number}. " in page
        assert image["src"] is not None
        drawing = base64.b64decode(image["src"].partition("base64,")[2])
        assert drawing.startswith(b"<?xml")
        assert b"</svg>" in drawing


def test_the_page_depends_on_the_result_alone(found: Findings, page: str) -> None:
    assert report(found) == page.replace('<p class="quiet">Report of 2023-09-20.</p>\n', "")


def test_without_control_motion_is_not_proven(page: str, found: Findings) -> None:
    assert NOT_PROVEN in Reader(page).text
    assert not [line for line in commands(found, {}) if line.startswith("mixedptycho control")]


@pytest.mark.usefixtures("undrawn")
def test_with_control_the_verdict_stands_in_front(judged: Findings) -> None:
    text = Reader(report(judged)).text
    assert NOT_PROVEN not in text
    assert judged.verdict is not None
    assert judged.verdict.sentence() in text
    assert text.index("Stationary control.") < text.index("Where from")
    assert "above floor (Å)" in text
    assert f"{judged.verdict.column_floor[5]:.4f}" in text
    low, high = judged.verdict.column_above_interval[5]
    assert f"{judged.verdict.column_above[5]:.3f} ({low:.3f} to {high:.3f})" in text


@pytest.mark.usefixtures("undrawn")
def test_one_state_claims_no_motion() -> None:
    single = known(s.result(s.drawn(s.columns()[None])))
    text = Reader(report(Findings.of(single))).text
    assert ONE_STATE in text
    assert NOT_PROVEN not in text


def test_columns_stand_with_their_intervals(found: Findings, page: str) -> None:
    text = Reader(page).text
    for index in (0, found.motion.n_columns - 1):
        assert f"{found.motion.mean[index, 0]:.3f}" in text
        assert f"{found.motion.u_rms[index]:.3f}" in text
    assert found.comparison is not None
    assert f"measured ÷ true {found.comparison.rendered.sd_ratio:.2f}" in text
    assert "95 % bootstrap interval" in text
    assert (
        f"Energy distance between measured and true motion {found.comparison.distances.motion.value:.3f}"
        in text
    )


@pytest.mark.usefixtures("undrawn")
def test_nothing_found_is_said() -> None:
    flat = known(s.result(np.zeros((2, *s.SHAPE))))
    assert "No columns were found" in Reader(report(Findings.of(flat))).text


@pytest.mark.usefixtures("undrawn")
def test_what_a_verdict_is_worth_stands_beside_it(judged: Findings) -> None:
    assert judged.verdict is not None
    assert "Planted motion" not in report(judged)
    recovery = Recovery(0.048, 0.03, 0.6, (0.5, 0.7), True, 1.7, (1.4, 2.0), 0.05)
    worth = replace(judged, recovery=recovery, drift="Motion still changes.")
    text = Reader(report(worth)).text
    assert f"Planted motion. {recovery.sentence()}" in text
    assert "Motion still changes." in text
    assert "--planted 0.05" in commands(worth, {})[1]
    assert "--planted 0.048" in commands(replace(worth, recovery=replace(recovery, asked=np.nan)), {})[1]
    still = replace(judged, verdict=replace(judged.verdict, resolved=False))
    assert "Not resolved is not at rest" in Reader(report(still)).text
    assert "Not resolved is not at rest" not in Reader(report(replace(still, recovery=recovery))).text


@pytest.mark.usefixtures("undrawn")
def test_alarms_are_on_the_page() -> None:
    twins = known(s.result(np.repeat(s.drawn(s.columns()[None]), 3, axis=0)))
    findings = Findings.of(twins)
    assert findings.health.alarms
    text = Reader(report(findings)).text
    assert str(findings.health.alarms[0]) in text
    assert "raised no alarm" not in text


def test_every_number_says_where_it_came_from(found: Findings) -> None:
    patterns = np.full((21, 21, 16, 16), 2, dtype=np.uint16)
    dataset = Dataset(
        patterns,
        60000.0,
        29.0,
        0.5,
        0.05,
        50.0,
        electrons_per_unit=1.0,
        sources={"energy": "file", "semiangle": "file", "scan_step": "measured", "detector_sampling": "user"},
    )
    told = {name: (value, source) for name, value, source in data_facts(found.result, dataset)}
    assert told["Electron energy"] == ("60 keV", "data file")
    assert told["Convergence semi-angle"] == ("30 mrad", "set in the recipe")  # the file says 29
    assert told["Scan step"] == ("0.5 Å", "measured")
    assert told["Rotation of the scan"] == ("0 °", "default")
    assert told["Scan"][0] == "21 × 21 points, 10 × 10 Å"
    away = {name: source for name, _, source in data_facts(found.result, None)}
    assert "not at hand" in away["Electron energy"]
    counted = found.result.replace(recipe=found.result.recipe.with_set("microscope.electrons_per_unit=1.0"))
    dose = {name: value for name, value, _ in data_facts(counted, dataset)}["Dose"]
    assert dose == "2.05 × 10³ electrons per Å², 512 per pattern"


def test_commands_name_the_files_safely(judged: Findings) -> None:
    files = {"result": "my result.h5", "control": "my.control/control.h5", "report": "a.html"}
    assert commands(judged, files) == [
        "mixedptycho run recipe.toml --out 'my result.h5'",
        "mixedptycho control 'my result.h5' --out my.control",
        "mixedptycho report 'my result.h5' --control my.control/control.h5 --out a.html",
    ]


def test_the_recipe_on_the_page_is_the_recipe(found: Findings, page: str) -> None:
    text = "".join(Reader(page).texts)
    assert found.result.recipe.to_toml() in text
    assert ("details", {}) in Reader(page).tags


def test_the_file_has_the_same_bytes_everywhere(page: str, tmp_path) -> None:  # type: ignore[no-untyped-def]
    target = write_report(tmp_path / "new" / "report.html", page)
    assert target.read_bytes() == page.encode("utf-8")
