"""Recipes as files: the recipe's JSON, and beside it a folder `blobs` with what it names (templates, golden pictures, models)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import ValidationError

from analyticlens.machine.blobs import FOLDER
from analyticlens.machine.decode import MAX_BYTES
from analyticlens.protocol.canonical import canonical_json, strict_loads
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.strict import first_error


class Unusable(Exception):
    """A file that is not what it should be, or cannot be read or written; says one sentence."""


class BlobsBeside(Mapping[str, bytes]):
    """Files of a folder by their SHA-256: named by it, with any ending, or so below a folder of its first two digits.

    Reading checks nothing: the engine compares the hash when it builds a tool.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __getitem__(self, sha256: str) -> bytes:
        """Return a file's bytes. Raises KeyError when it is not there."""
        for place in (self._folder, self._folder / sha256[:2]):
            for path in sorted(place.glob(f"{sha256}*")):
                try:
                    return path.read_bytes()
                except OSError:
                    continue
        raise KeyError(sha256)

    def __iter__(self) -> Iterator[str]:
        return (path.name[:64] for path in self._folder.rglob("*") if path.is_file())

    def __len__(self) -> int:
        return sum(1 for _ in self)


def blobs_of(recipe: Path, folder: Path | None = None) -> BlobsBeside:
    """Return what lies in `folder`, or else in the folder `blobs` beside the recipe."""
    return BlobsBeside(folder or recipe.parent / FOLDER)


def read_recipe(path: Path | str) -> Recipe:
    """Return the recipe in a file. Raises Unusable."""
    try:
        with Path(path).open("rb") as file:
            raw = file.read(MAX_BYTES)
        return Recipe.model_validate(strict_loads(raw))
    except OSError as error:
        raise Unusable(f"{path}: {error.strerror or error}") from None
    except ValidationError as error:
        raise Unusable(f"{path}: {first_error(error)}") from None
    except ValueError as error:
        raise Unusable(f"{path}: {error}") from None


def write_recipe(path: Path | str, recipe: Recipe, blobs: Mapping[str, bytes] | None = None) -> None:
    """Write a recipe's JSON, and what it names into the folder `blobs` beside it. Raises OSError, KeyError for bytes not given."""
    path, blobs = Path(path), blobs or {}
    for name in recipe.blobs:
        folder = path.parent / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(blobs[name])
    path.write_text(canonical_json(recipe) + "\n", encoding="utf-8")
