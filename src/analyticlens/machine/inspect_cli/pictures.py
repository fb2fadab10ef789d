"""Which files a command line means: names, folders and patterns; and where each picture's overlay goes."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from analyticlens.machine.recipe_files import Unusable

ENDINGS = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"}


def found(words: Sequence[str]) -> list[Path]:
    """Return the files that words name, each once; those of a folder or pattern by name. Raises Unusable for a word that names none."""
    pictures: dict[Path, None] = {}
    for word in words:
        pictures.update(dict.fromkeys(_named(word)))
    return list(pictures)


def _named(word: str) -> list[Path]:
    if not word:
        raise Unusable("a picture's name is empty")
    path = Path(word)
    if path.is_dir():
        files = [file for file in sorted(path.iterdir()) if file.suffix.lower() in ENDINGS and file.is_file()]
        if not files:
            raise Unusable(f"{word}: there is no picture in this folder")
        return files
    if path.exists():
        if not path.is_file():
            raise Unusable(f"{word}: this is no file")
        return [path]
    if glob.has_magic(word):
        files = [Path(name) for name in sorted(glob.glob(word, recursive=True))]
        files = [file for file in files if file.is_file()]
        if files:
            return files
        raise Unusable(f"{word}: no file has such a name")
    raise Unusable(f"{word}: No such file or directory")


def overlays_for(pictures: Sequence[Path], folder: Path | None) -> list[Path | None]:
    """Return where the overlay of each picture goes: its own name in the folder, a number added where two share it; JPEG stays JPEG."""
    if folder is None:
        return [None] * len(pictures)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unusable(f"{folder}: {error.strerror or error}") from None
    taken: set[str] = set()
    targets: list[Path | None] = []
    for picture in pictures:
        ending = ".jpg" if picture.suffix.lower() in (".jpg", ".jpeg") else ".png"
        name, number = f"{picture.stem}{ending}", 1
        while name.lower() in taken:
            number += 1
            name = f"{picture.stem}-{number}{ending}"
        taken.add(name.lower())
        targets.append(folder / name)
    _spare(pictures, targets)
    return targets


def _spare(pictures: Sequence[Path], targets: Sequence[Path | None]) -> None:
    """Raise Unusable where an overlay would be written over one of the pictures themselves, under whatever name."""
    own = {(state.st_dev, state.st_ino) for state in map(os.stat, filter(Path.exists, pictures))}
    for target in targets:
        if target is not None and target.exists():
            state = target.stat()
            if (state.st_dev, state.st_ino) in own:
                raise Unusable(f"{target}: this is one of the pictures; choose another folder for the overlays")
