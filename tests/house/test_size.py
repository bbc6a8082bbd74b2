"""Files and functions stay short enough to be read at one sitting (the aims: 300 and 40 lines)."""

from __future__ import annotations

import ast
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src" / "napari_mixedptycho"
# The aims with a little slack, so that a good docstring never has to go.
FILE_LIMIT = 350
FUNCTION_LIMIT = 60


def test_files_are_short() -> None:
    lengths = {path: path.read_text("utf-8").count("\n") for path in SOURCE.rglob("*.py")}
    long = [f"{path.relative_to(SOURCE)}: {n} lines" for path, n in lengths.items() if n > FILE_LIMIT]
    assert not long, "divide these:\n" + "\n".join(sorted(long))


def test_functions_are_short() -> None:
    long = []
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > FUNCTION_LIMIT:
                    long.append(f"{path.relative_to(SOURCE)}, {node.name}: {length} lines")
    assert not long, "divide these:\n" + "\n".join(sorted(long))
