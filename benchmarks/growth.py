"""What it saves to begin on a part of the detector: processor time and final loss on a corner of the sample.

OMP_NUM_THREADS=1 .venv/bin/python benchmarks/growth.py
"""

from __future__ import annotations

import time

from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import reconstruct

_PRIOR = 'prior={kind="atoms"}'
_MOVES = f'{_PRIOR},refine=["object","probe","displacement"]'
SCHEDULES = {
    "whole": f"{{iterations=12,states=1}},{{iterations=20,states=1,{_PRIOR}}}",
    "rough on 1/2": f"{{iterations=12,states=1,detector=0.5}},{{iterations=20,states=1,{_PRIOR}}}",
    "then on 3/4": "{iterations=12,states=1,detector=0.5},"
    f"{{iterations=12,states=1,detector=0.75,{_PRIOR}}},{{iterations=8,states=1,{_PRIOR}}}",
    "whole, moving": "{iterations=12,states=1},"
    f"{{iterations=20,states=1,{_PRIOR}}},{{iterations=20,{_MOVES}}}",
    "growing, moving": "{iterations=12,states=1,detector=0.5},"
    f"{{iterations=12,states=1,detector=0.75,{_PRIOR}}},{{iterations=8,states=1,{_PRIOR}}},"
    f"{{iterations=10,detector=0.75,{_MOVES}}},{{iterations=10,{_MOVES}}}",
}


def main() -> None:
    """Run every schedule once."""
    for name, stages in SCHEDULES.items():
        recipe = Recipe()
        settings = ("run.threads=1", "data.scan_region=[4,20,4,20]", "model.states=4", f"stages=[{stages}]")
        for setting in settings:
            recipe = recipe.with_set(setting)
        began = time.process_time()
        *_, last = reconstruct(recipe)
        print(f"{name:16} {time.process_time() - began:6.1f} s   loss {last.loss:.5f}", flush=True)


if __name__ == "__main__":
    main()
