"""Walk an HDF5 file without following a link out of its folder, in circles, or without end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io.heaps import check_between, check_heaps

_MOST_LINKS = 100_000


def opened(path: Path) -> h5py.File:
    """Open a file for reading.

    Raises
    ------
    InputError
        When it is not HDF5, or damaged.
    """
    if path.is_file() and not path.stat().st_size:
        raise InputError(f"{path}: the file is empty (0 bytes); nothing was recorded or copied.")
    check_heaps(path)
    try:
        file = h5py.File(path, "r")
        check_between(file, path)
        return file
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise InputError(f"{path}: this is not a readable HDF5 file ({reason(error)}).") from None


def arrays(file: h5py.File, path: Path) -> dict[str, h5py.Dataset]:
    """Return name → dataset of at least one axis, each once, in the file's own order.

    Links to other files are followed one step, when they stay in the folder and the file is there.
    """
    found: dict[str, h5py.Dataset] = {}
    count = 0

    def visit(name: str, link: Any) -> bool | None:
        nonlocal count
        count += 1
        node = None
        if isinstance(link, h5py.HardLink):
            node = _node(file, name)
        elif isinstance(link, h5py.ExternalLink):
            target = beside(path, link.filename)
            node = hard(opened(target), link.path) if target is not None and target.is_file() else None
        if isinstance(node, h5py.Dataset) and node.shape:
            found[name] = node
        return True if count >= _MOST_LINKS else None

    file.visititems_links(visit)
    return found


def external(path: Path, link: h5py.ExternalLink) -> h5py.Dataset:
    """Return the dataset that a link leads to.

    Raises
    ------
    InputError
        When the file is missing or not in the folder of `path`, or does not hold the dataset.
    """
    target = beside(path, link.filename)
    if target is None:
        raise InputError(
            f"{path}: its data are said to lie in {link.filename}, outside of its folder; this is "
            "not followed; copy the data into the file."
        )
    if not target.is_file():
        raise InputError(
            f"{path}: its data are in {target.name}, which is not beside it; put that file "
            "into the same folder."
        )
    node = hard(opened(target), link.path)
    if not isinstance(node, h5py.Dataset):
        raise InputError(f"{target}: there is no dataset '{link.path}', which {path.name} leads to.")
    return node


def beside(path: Path, name: str) -> Path | None:
    """Return a file that another one names, when it lies in the same folder or below; else None."""
    folder = path.parent.resolve()
    try:
        target = (folder / name).resolve()
    except (OSError, RuntimeError, ValueError):
        return None
    return target if target.is_relative_to(folder) and target != path.resolve() else None


def check_links(node: h5py.Dataset, path: Path) -> None:
    """Refuse a dataset whose numbers lie in other files that are missing or elsewhere.

    Raises
    ------
    InputError
        As said.
    """
    names = [entry[0] for entry in node.external or ()]
    if node.is_virtual:
        names += [source.file_name for source in node.virtual_sources() if source.file_name != "."]
    for name in dict.fromkeys(names):
        text = name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
        target = beside(path, text)
        if target is None:
            if (path.parent / text).resolve() == path.resolve():
                continue
            raise InputError(
                f"{path}: the data of '{node.name}' are said to lie in {text}, outside of its folder; this "
                "is not followed; copy the data into the file."
            )
        if not target.is_file():
            raise InputError(
                f"{path}: the data of '{node.name}' are in {target.name}, which is not beside it; put that "
                "file into the same folder."
            )


def reason(error: BaseException) -> str:
    """Return what HDF5 says, without its line breaks and the closing full stop."""
    return " ".join(str(error).split()).rstrip(".")


def _node(file: h5py.File, name: str) -> Any:
    """Return what stands at a name; None when it cannot be opened: another dataset may be sound."""
    try:
        return file[name]
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, NotImplementedError):
        return None


def hard(group: h5py.Group, name: str) -> Any:
    """Return what stands at a path, when only hard links of the same file lead there; else None."""
    node: Any = group
    for part in name.strip("/").split("/"):
        if not isinstance(node, h5py.Group) or not isinstance(node.get(part, getlink=True), h5py.HardLink):
            return None
        node = _node(node, part)
    return node
