"""``mixedptycho run``: recipe in, result out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from napari_mixedptycho.cli._options import add_changes, changed, check_out
from napari_mixedptycho.cli._progress import Display
from napari_mixedptycho.cli._work import assist, compute
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.engine.comm import launched
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.prepare import open_dataset
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.result import Result
from napari_mixedptycho.variants import quick_look
from napari_mixedptycho.words import counted, duration


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "run",
        help="reconstruct what a recipe says",
        description="Reconstruct what a recipe says. Ctrl-C keeps the last complete iteration, and --resume "
        "goes on from there. Started by mpiexec or srun, all processes share the work.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "recipe",
        nargs="?",
        type=Path,
        metavar="RECIPE.toml",
        help="see `mixedptycho recipe`; files it names are looked for beside it",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="RESULT.h5",
        help="the file to write (default: RECIPE.result.h5 beside the recipe, or the resumed file)",
    )
    parser.add_argument(
        "--resume",
        type=Path,
        metavar="RESULT.h5",
        help="go on from this result, with its own recipe unless one is given",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a first impression instead, within a minute: one state, one slice, part of detector and scan, "
        "a few iterations (default output: RECIPE.quick.h5)",
    )
    add_changes(parser)
    return parser


def execute(arguments: argparse.Namespace) -> int:
    """Run the command."""
    comm = arguments.comm = launched()
    resume = None if arguments.resume is None else Result.load(arguments.resume)
    recipe, out = _wish(arguments, resume)
    dataset = _data(recipe, resume)
    if arguments.quick:
        recipe = quick_look(recipe, dataset)
    if comm.rank:
        return assist(recipe, dataset, comm)
    check_out(out, recipe)
    display = Display(quiet=arguments.quiet)
    result, code = compute(recipe, dataset, out, resume, display, comm)
    if result is None and code == 0 and resume is not None:
        result = resume
        display.say(f"{arguments.resume} is complete: ask for more with --iterations.")
        if out.resolve() != arguments.resume.resolve():
            resume.save(out)
    _conclude(result, code, out, display)
    if code == 0:
        comm.tell()  # that is all
    return code


def _wish(arguments: argparse.Namespace, resume: Result | None) -> tuple[Recipe, Path]:
    """Return the recipe, its files as absolute paths, and where to write the result."""
    out = arguments.out
    if arguments.quick and resume is not None:
        raise InputError("--quick begins anew and has nothing to resume; leave one of the two out.")
    if arguments.recipe is not None:
        recipe = changed(Recipe.read(arguments.recipe), arguments).located(Path.cwd())
        ending = ".quick.h5" if arguments.quick else ".result.h5"
        out = out or arguments.resume or arguments.recipe.with_suffix(ending)
    elif resume is not None:
        recipe = changed(resume.recipe, arguments).located(Path.cwd())
        out = out or arguments.resume
    else:
        raise InputError(
            "Give a recipe (`mixedptycho recipe > recipe.toml` makes one) or --resume RESULT.h5."
        )
    return recipe, out


def _data(recipe: Recipe, resume: Result | None) -> Dataset:
    try:
        return open_dataset(recipe)
    except InputError as error:
        if resume is None or Path(recipe.data.file).exists():
            raise
        raise InputError(f"{error} If it has moved, add --set data.file=PATH.") from None


def _conclude(result: Result | None, code: int, out: Path, display: Display) -> None:
    """Say what there is now, and how to go on."""
    if result is None:
        display.say("Stopped before the first iteration was complete; nothing was saved.", always=True)
        return
    for found in result.instrument:
        display.say(f"Found: {found}")
    history = result.history
    done, wanted = len(history), result.recipe.iterations
    took = duration(sum(history.seconds))
    text = f"{done} of {counted(wanted, 'iteration')} in {took}, loss {history.loss[-1]:.4g}"
    if code:
        display.say(
            f"Stopped after {text}; saved as {out}; go on with: mixedptycho run --resume {out}", always=True
        )
    else:
        display.say(f"{text}; saved as {out}")
