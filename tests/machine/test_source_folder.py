"""The folder source: sorted, cyclic, joined by new files, and never outside what it may read."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from analyticlens.machine.inspector import BEGINNING, Resume
from analyticlens.machine.refusals import SourceRefused
from analyticlens.machine.sources import Grabbed, Place, Source, open_source
from analyticlens.machine.sources.folder import EXTENSIONS
from analyticlens.protocol.configuration import FolderSource, GenicamSource
from tests.machine.helpers import discs, encode, fill


def opened(data: Path, folder: str = "pictures", *roots: Path, resume: Resume = BEGINNING) -> Source:
    return open_source(FolderSource(folder_path=folder), Place(data, roots, resume))


def names(source: Source, count: int) -> list[str]:
    return [source.grab().name for _ in range(count)]


def old(path: Path) -> None:
    """Make a file look finished long ago."""
    os.utime(path, (1_000_000_000, 1_000_000_000))


def test_it_goes_round_in_sorted_order(tmp_path: Path) -> None:
    fill(tmp_path / "pictures", [1, 2, 3])
    assert names(opened(tmp_path), 5) == ["00.png", "01.png", "02.png", "00.png", "01.png"]


def test_it_reads_every_kind_it_names_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for extension in EXTENSIONS:
        (folder / f"a{extension.upper()}").write_bytes(encode(discs(1), extension))
    (folder / "notes.txt").write_text("no picture")
    source = opened(tmp_path)
    seen = [source.grab() for _ in range(len(EXTENSIONS) + 1)]
    assert {g.name for g in seen} == {f"a{extension.upper()}" for extension in EXTENSIONS}
    assert all(g.image is not None for g in seen)


def test_new_files_join_at_their_place(tmp_path: Path) -> None:
    folder = fill(tmp_path / "pictures", [1, 1, 1])
    source = opened(tmp_path)
    names(source, 1)
    (folder / "01a.png").write_bytes(encode(discs(2)))
    assert names(source, 3) == ["01.png", "01a.png", "02.png"]


def test_a_file_that_goes_is_gone(tmp_path: Path) -> None:
    folder = fill(tmp_path / "pictures", [1, 1, 1])
    source = opened(tmp_path)
    names(source, 1)
    (folder / "01.png").unlink()
    assert names(source, 2) == ["02.png", "00.png"]


def test_it_goes_on_where_another_stood(tmp_path: Path) -> None:
    fill(tmp_path / "pictures", [1, 1, 1])
    assert names(opened(tmp_path, resume=Resume("01.png")), 2) == ["02.png", "00.png"]


@pytest.mark.parametrize(("skip", "first"), [(0, "01.png"), (1, "02.png"), (2, "00.png"), (7, "02.png")])
def test_it_goes_past_what_had_its_verdict_already(tmp_path: Path, skip: int, first: str) -> None:
    fill(tmp_path / "pictures", [1, 1, 1])
    assert names(opened(tmp_path, resume=Resume("00.png", skip)), 1) == [first]
    assert names(opened(tmp_path, resume=Resume(skip=1)), 1) == ["01.png"]


def test_a_damaged_file_is_an_error_frame_and_the_next_one_follows(tmp_path: Path) -> None:
    folder = fill(tmp_path / "pictures", [1, 1])
    (folder / "00.png").write_bytes(b"")
    old(folder / "00.png")
    source = opened(tmp_path)
    broken, good = source.grab(), source.grab()
    assert (broken.image, broken.reason) == (None, "decode_failed")
    assert "00.png" in broken.message
    assert good.image is not None


def test_a_file_still_being_written_waits_for_its_next_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analyticlens.machine.sources.folder.SETTLE_SECONDS", 600)
    folder = fill(tmp_path / "pictures", [1, 1])
    whole = (folder / "00.png").read_bytes()
    (folder / "00.png").write_bytes(whole[:60])
    source = opened(tmp_path)
    assert source.grab().name == "01.png"
    (folder / "00.png").write_bytes(whole)
    grabbed = source.grab()
    assert (grabbed.name, grabbed.image is not None) == ("00.png", True)


def refusal(data: Path, folder: str = "pictures", *roots: Path) -> SourceRefused:
    with pytest.raises(SourceRefused) as refused:
        opened(data, folder, *roots)
    return refused.value


def test_a_missing_folder_is_refused_for_now(tmp_path: Path) -> None:
    refused = refusal(tmp_path)
    assert "does not exist" in refused.sentence
    assert not refused.lasting


def test_an_empty_folder_is_refused_for_now(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    assert "no pictures" in refusal(tmp_path).sentence


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "pictures").write_text("")
    assert "no folder" in refusal(tmp_path).sentence


@pytest.mark.parametrize(
    "folder", ["..", "../other", "/etc", "/", "pictures/../../other", "a/../..", "/proc/self/root", "\x01/../.."]
)
def test_outside_the_roots_is_refused_for_good(tmp_path: Path, folder: str) -> None:
    data = tmp_path / "data"
    data.mkdir()
    fill(tmp_path / "other", [1])
    assert refusal(data, folder).lasting


def test_a_link_out_of_the_root_is_not_followed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    fill(tmp_path / "other", [1])
    (data / "pictures").symlink_to(tmp_path / "other")
    refusal(data)


def test_a_linked_picture_is_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(encode(discs(1)))
    folder = tmp_path / "data" / "pictures"
    folder.mkdir(parents=True)
    (folder / "a.png").symlink_to(secret)
    assert opened(tmp_path / "data").grab().image is None


def test_a_pipe_in_the_folder_does_not_block(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    os.mkfifo(tmp_path / "pictures" / "a.png")
    assert opened(tmp_path).grab().image is None


def test_an_allowed_root_may_be_read(tmp_path: Path) -> None:
    fill(tmp_path / "other" / "deep", [1])
    source = opened(tmp_path / "data", str(tmp_path / "other" / "deep"), tmp_path / "other")
    assert source.grab().image is not None


def test_a_folder_that_vanishes_is_told_and_one_that_returns_is_read(tmp_path: Path) -> None:
    folder = fill(tmp_path / "pictures", [1])
    source = opened(tmp_path)
    folder.rename(tmp_path / "away")
    with pytest.raises(SourceRefused):
        source.grab()
    (tmp_path / "away").rename(folder)
    assert source.grab().image is not None


def test_other_kinds_are_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(SourceRefused, match="genicam are not available on this machine yet") as refused:
        open_source(GenicamSource(), Place(tmp_path))
    assert refused.value.lasting


def test_frames_are_numbered(tmp_path: Path) -> None:
    fill(tmp_path / "pictures", [1, 2])
    source = opened(tmp_path)
    frames: list[Grabbed] = [source.grab(), source.grab()]
    assert [frame.number for frame in frames] == [1, 2]
    assert frames[0].image is not None
    assert frames[0].image.dtype == np.uint8


def test_a_name_that_is_no_text_is_judged_and_told_all_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    with open(os.fsencode(folder) + b"/a\xff.png", "wb") as file:
        file.write(encode(discs(3)))
    grabbed = opened(tmp_path).grab()
    assert grabbed.image is not None
    assert grabbed.name == "a\N{REPLACEMENT CHARACTER}.png"


def test_it_says_how_many_bits_its_pictures_use(tmp_path: Path) -> None:
    fill(tmp_path / "pictures", [1])
    source = open_source(FolderSource(folder_path="pictures", bits=12), Place(tmp_path))
    assert source.grab().bits == 12
    assert opened(tmp_path).grab().bits is None
