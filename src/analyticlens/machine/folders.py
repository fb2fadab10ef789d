"""Reading below allowed folders only: every step of a path is opened without following links, and what is opened is what is checked."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from analyticlens.machine.refusals import SourceRefused

_STEP = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LEAF = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


def locate(folder: str, data: Path, roots: tuple[Path, ...]) -> tuple[Path, tuple[str, ...]]:
    """Return the allowed root that holds folder, and the steps from it down.

    A relative folder is meant below the data folder. `roots` are the allowed ones beside it. Raises SourceRefused (lasting) when the
    folder is outside all of them; nothing is opened to find that out, so an error tells nothing of what is there.
    """
    if not folder.strip():
        raise SourceRefused("no picture folder is configured", lasting=True)
    wanted = Path(os.path.normpath(data / folder))
    for root in (data, *roots):
        for spelling in (Path(os.path.normpath(root)), root.resolve()):
            if wanted.is_relative_to(spelling):
                return root.resolve(), wanted.relative_to(spelling).parts
    raise SourceRefused(f"the folder {folder} is outside the folders this machine may read", lasting=True)


@contextmanager
def opened(root: Path, steps: tuple[str, ...]) -> Iterator[int]:
    """Hold a descriptor of the folder reached from root by steps. Raises OSError; a symbolic link on the way is one."""
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for step in steps:
            below = os.open(step, _STEP, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)


def read_regular(folder: int, name: str, most_bytes: int) -> tuple[bytes, os.stat_result]:
    """Return the content of a regular file in an opened folder, at most one byte more than `most_bytes`, and its state.

    Raises OSError; a link, pipe or device is one (and cannot block the reader).
    """
    descriptor = os.open(name, _LEAF, dir_fd=folder)
    with os.fdopen(descriptor, "rb") as file:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            raise OSError(f"{name} is no regular file")
        return file.read(most_bytes + 1), state
