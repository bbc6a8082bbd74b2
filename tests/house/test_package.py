"""What a user installs: the sdist and the wheel hold all they need, and napari finds the plugin."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

PACKAGE = "napari_mixedptycho"
CARRIED = (
    f"{PACKAGE}/__init__.py",
    f"{PACKAGE}/napari.yaml",
    f"{PACKAGE}/py.typed",
    f"{PACKAGE}/engine/gpu/kernels.cu",
    f"{PACKAGE}/data/si_sigma9.h5",
    f"{PACKAGE}/data/si_sigma9_static.h5",
)

DISCOVER = """
import json, sys
from pathlib import Path
from npe2 import PluginManifest

folder = Path(sys.argv[1]).resolve()
for found in PluginManifest.discover():
    # The development install is seen too: only what was found in the folder counts.
    here = found.distribution is not None and Path(found.distribution.locate_file("")).resolve() == folder
    if here and found.manifest is not None:
        import napari_mixedptycho
        print(json.dumps({
            "display_name": found.manifest.display_name,
            "version": found.manifest.package_version,
            "code": napari_mixedptycho.__file__,
        }))
"""


def run_python(*arguments: str, path: Path | None = None) -> str:
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=environment, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Path:
    """Folder with the sdist, and the wheel built from that sdist."""
    folder = tmp_path_factory.mktemp("dist")
    run_python("-m", "build", "--no-isolation", "--outdir", str(folder), str(repository))
    return folder


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the wheel installed and nothing else."""
    folder = tmp_path_factory.mktemp("site")
    (wheel,) = built.glob("*.whl")
    run_python("-m", "pip", "install", "-q", "--no-index", "--no-deps", "--target", str(folder), str(wheel))
    return folder


def test_wheel_holds_manifest_types_and_sample_data(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert [name for name in CARRIED if name not in names] == []
    assert any(name.endswith("licenses/LICENSE") for name in names)
    strays = [name for name in names if not name.startswith((f"{PACKAGE}/", f"{PACKAGE}-"))]
    assert not strays, "files outside the package"


def test_sdist_holds_sources_and_tests_but_no_results(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = [name.split("/", 1)[1] for name in archive.getnames() if "/" in name]
    wanted = [f"src/{name}" for name in CARRIED]
    wanted += ["LICENSE", "README.md", "CHANGELOG.md", "CITATION.cff", "pyproject.toml", "napari.yaml"]
    wanted += ["tests/conftest.py", "run", "constraints.txt"]
    assert [name for name in wanted if name not in names] == []
    assert [
        name for name in names if name.startswith((".venv", "out/", "dist/")) or "__pycache__" in name
    ] == []


def test_distributions_stay_small(built: Path) -> None:
    sizes = {path.name: path.stat().st_size / 2**20 for path in built.iterdir()}
    assert len(sizes) == 2
    assert max(sizes.values()) < 12, sizes  # MiB; the two samples are 4.5


def test_npe2_finds_the_plugin_in_the_installed_wheel(installed: Path) -> None:
    import napari_mixedptycho

    lines = run_python("-c", DISCOVER, str(installed), path=installed).splitlines()
    assert len(lines) == 1
    found = json.loads(lines[0])
    assert found["display_name"] == "Mixed-object ptychography"
    assert found["version"] == napari_mixedptycho.__version__
    assert Path(found["code"]).resolve().is_relative_to(installed.resolve())


def test_the_installed_wheel_has_its_command(installed: Path) -> None:
    (folder,) = installed.glob("*.dist-info")
    points = importlib.metadata.PathDistribution(folder).entry_points
    assert points.select(group="console_scripts", name="mixedptycho")["mixedptycho"].value == (
        f"{PACKAGE}.cli:main"
    )


def test_the_manifest_at_the_top_is_the_one_in_the_package(repository: Path) -> None:
    top, real = repository / "napari.yaml", repository / "src" / PACKAGE / "napari.yaml"
    if top.is_symlink():
        assert top.resolve() == real
    else:  # checked out where links are not to be had, or unpacked from the sdist
        assert top.read_text("utf-8").strip() in {
            f"src/{PACKAGE}/napari.yaml",
            real.read_text("utf-8").strip(),
        }
