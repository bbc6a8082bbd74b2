"""What goes to the clipboard: a recipe as a Python script, a result in words."""

from __future__ import annotations

from datetime import timedelta

from napari_mixedptycho.analysis.pair import differing
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import assess
from napari_mixedptycho.result import Result
from napari_mixedptycho.words import counted


def as_python(recipe: Recipe) -> str:
    """Return a script that does what the dock would."""
    text = recipe.to_toml(comments=False)
    quoted = f"r'''\n{text}'''" if "'''" not in text and not text.endswith("'") else repr(text)
    return f"""from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import reconstruct

recipe = Recipe.from_toml({quoted})

for progress in reconstruct(recipe):
    print(f"{{progress.iteration}} of {{progress.iterations}}: loss {{progress.loss:.4g}}")
progress.result.save("result.h5")
"""


def report(result: Result, name: str) -> str:
    """Return what was done and found, in lines that fit into a notebook or a mail."""
    history, recipe, estimate = result.history, result.recipe, result.estimate
    took = timedelta(seconds=round(sum(history.seconds)))
    changed = differing(Recipe(), recipe)
    settings = [f"  {key} = {value}" for key, (_, value) in changed.items()]
    health = assess(result)
    lines = [
        f"{name}: {result.name} (data {result.data_hash})",
        f"{counted(estimate.states, 'object state')}, {counted(estimate.modes, 'probe mode')}, "
        f"{counted(estimate.slices, 'slice')} of "
        f"{result.slice_spacing:.3g} Å, {result.sampling:.4g} Å per pixel",
        f"{len(history)} of {counted(recipe.iterations, 'iteration')} in {took}, "
        f"loss {history.loss[-1]:.5g}, state separation {history.separation[-1]:.3f}",
        *(f"Found: {text}" for text in result.instrument),
        *(f"Sign: {alarm}" for alarm in health.alarms),
        "Settings that are not the defaults:",
        *settings,
        "Versions: " + ", ".join(f"{key} {value}" for key, value in result.versions.items()),
    ]
    return "\n".join(lines) + "\n"
