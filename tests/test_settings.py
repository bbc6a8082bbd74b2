from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, ValidationError

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.run_settings import Run
from napari_mixedptycho.settings import Settings


class Disk(Settings):
    kind: Literal["disk"] = "disk"
    radius: float = Field(0.5, gt=0, le=5, description="Radius, Å.")


class Square(Settings):
    kind: Literal["square"] = "square"
    width: int = Field(3, ge=1, description="Width, px.")


class Inner(Settings):
    name: str = Field('σ "quoted" # not a comment', description="Any\n  text.")
    flag: bool = Field(True, description="A flag.")
    weights: tuple[float, ...] = Field((1e-4, 2e5), description="Numbers that span decades.")


class Document(Settings):
    count: int = Field(1, ge=0, description="How many.")
    nothing: float | None = Field(None, gt=0, description="May be left out.")
    window: Annotated[Disk | Square, Field(discriminator="kind")] = Disk()
    inner: Inner = Inner()
    entries: tuple[Inner, ...] = (Inner(name="a"), Inner(name="b", flag=False))


CHANGED = Document(
    count=7, nothing=1e-12, window=Square(width=9), inner=Inner(weights=()), entries=(Inner(name="only"),)
)


@pytest.mark.parametrize("comments", [False, True])
@pytest.mark.parametrize("settings", [Document(), CHANGED], ids=["default", "changed"])
def test_toml_and_back(settings: Document, comments: bool) -> None:
    assert Document.from_toml(settings.to_toml(comments=comments)) == settings


def test_comments_explain_every_setting_even_those_not_set() -> None:
    text = Document().to_toml(comments=True)
    assert "count = 1 # How many." in text
    assert "# nothing = (not set)  May be left out." in text
    assert "# Any text." in text
    assert "#" not in Document().to_toml().replace("# not a comment", "")


def test_settings_never_change() -> None:
    with pytest.raises(ValidationError):
        Document().count = 2  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("conut = 1", "unknown key 'conut'; check its spelling"),
        ("count = -1", "'count': input should be greater than or equal to 0, found -1."),
        ("count = 1.0", "'count': .*integer.*found 1.0"),
        ("count = '1'", "'count': .*integer.*found '1'"),
        ("nothing = 0", "'nothing': input should be greater than 0, found 0"),
        ("nothing = inf", "'nothing': .*finite"),
        ("nothing = nan", "'nothing': .*finite"),
        ("nothing = 2020-01-01", "'nothing': .*number.*2020-01-01"),
        ("inner.flag = 1", "'inner.flag': .*boolean.*found 1"),
        ("inner.name = 3", "'inner.name': .*string.*found 3"),
        ("inner.weights = 3", "'inner.weights'"),
        ("inner.weights = [1, 'x']", r"'inner.weights.1'.*found 'x'"),
        ("[[entries]]\nflg = true", r"unknown key 'entries.0.flg'"),
        ("window.kind = 'star'", "'window'.*'star'.*'disk', 'square'"),
        ("window = {kind='disk', width=3}", "unknown key 'window.disk.width'"),
        ("count = = 1", "this is not valid TOML"),
        ("count = 1\ncount = 2", "this is not valid TOML"),
        ("[inner", "this is not valid TOML"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(InputError, match=f"^my.toml: .*{sentence}") as caught:
        Document.from_toml(text, "my.toml")
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith((".", ")"))
    assert len(message) < 250
    assert "pydantic" not in message


@pytest.mark.parametrize(
    ("text", "left", "values"),
    [
        ("count = 7", (), {"count": 7}),
        ("conut = 1\ncount = 7", ("conut",), {"count": 7}),
        ("count = -1\nnothing = 2.0", ("count",), {"nothing": 2.0}),
        (
            "window = {kind = 'square', width = 9, height = 2}",
            ("window.height",),
            {"window": Square(width=9)},
        ),
        ("window = {kind = 'star', width = 9}", ("window",), {}),
        ("[[entries]]\nflg = true\nname = 'n'", ("entries.0.flg",), {"entries": (Inner(name="n"),)}),
        (
            "inner = {flag = 3, name = 'x', old = {a = 1}}",
            ("inner.flag", "inner.old"),
            {"inner": Inner(name="x")},
        ),
    ],
)
def test_what_another_version_wrote_is_read_but_for_what_is_unknown(
    text: str, left: tuple[str, ...], values: dict[str, Any]
) -> None:
    settings, forgotten = Document.recalled(text)
    assert sorted(forgotten) == sorted(left)
    assert settings == Document(**values)


def test_what_is_no_document_is_not_recalled() -> None:
    with pytest.raises(InputError, match="not valid TOML"):
        Document.recalled("count = = 1")


def test_several_faults_are_counted() -> None:
    with pytest.raises(InputError, match=r"\(2 more\)"):
        Document.from_toml("count = -1\nnothing = -1\nconut = 1")


@pytest.mark.parametrize("value", [1, 1.5, 10**6])
def test_whole_numbers_serve_as_real_ones(value: Any) -> None:
    assert Document.parse({"nothing": value}).nothing == float(value)


def test_not_set_is_kept_where_something_else_is_the_default() -> None:
    run = Run(checkpoint=None)
    assert 'checkpoint = "none"' in run.to_toml()
    assert Run.from_toml(run.to_toml()) == run
    assert Recipe.from_toml(Recipe(run=run).to_toml()).run == run
    assert Run.from_toml('threads = "none"') == Run()
    with pytest.raises(InputError, match="seed"):
        Run.from_toml('seed = "none"')
