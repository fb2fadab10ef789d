"""ocr: printed text, read by Tesseract's neural reader and compared with what is expected."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.build import built
from analyticlens.engine.errors import CannotBuild, ToolFailed
from analyticlens.engine.kit import Kit
from analyticlens.engine.reading import Judge, eight_bits
from analyticlens.engine.scene import Found, Run, Scene
from analyticlens.protocol.overlay import OverlayShape
from analyticlens.protocol.regions import Rect
from analyticlens.protocol.tools import OcrParams, OcrTool

LAYOUTS = {
    "line": "SINGLE_LINE",
    "word": "SINGLE_WORD",
    "character": "SINGLE_CHAR",
    "block": "SINGLE_BLOCK",
    "sparse": "SPARSE_TEXT",
}
# Where systems keep Tesseract's language data, unless TESSDATA_PREFIX says it.
DATA = ("/usr/share/tesseract-ocr/5/tessdata", "/usr/share/tesseract-ocr/4.00/tessdata", "/usr/share/tessdata")
# Measured on noise, where everything could be a letter, a million enlarged pixels.
MEGAPIXEL_MS = 1000.0
LEAST_MS = 25.0
# Letters that touch the edge of what is read are read badly.
BORDER = 12
MAX_LISTED = 100


class Word(NamedTuple):
    """One word with its confidence, 0 to 1, and its box (left, top, right, bottom) in enlarged pixels."""

    text: str
    confidence: float
    box: tuple[int, int, int, int]


def cost(tool: OcrTool, height: int, width: int) -> float:
    """Return the milliseconds that reading a region of so many rows and columns can take at most."""
    return LEAST_MS + MEGAPIXEL_MS * height * width * tool.params.scale**2 / 1e6


def prepare(tool: OcrTool, kit: Kit) -> Run:
    """Return the function that reads text.

    Raises CannotBuild where Tesseract or its language data is missing, or the pattern cannot be read.
    """
    params = tool.params
    judge = Judge(params)
    reader = _Reader(params)

    def run(scene: Scene) -> Found:
        words = reader.read(_enlarged(scene, params))
        text = " ".join(word.text for word in words)
        details = {
            "image_modified": False,
            "words": [_listed(word, scene, params.scale) for word in words[:MAX_LISTED]],
        }
        if not words or not judge.takes(text):
            return _nothing("no text could be read", details)
        confidences = [word.confidence for word in words]
        mean = float(np.mean(confidences))
        if mean < params.min_confidence:
            return _nothing(f"what was read has a confidence of {mean:.2f}", details)
        features = {"matches": float(judge.matches(text))} if judge.asks else {}
        features |= {"length": float(len(text)), "confidence": mean, "lowest_confidence": min(confidences)}
        features["words"] = float(len(words))
        shapes: list[OverlayShape] = [_rect(word, scene, params.scale) for word in words[:MAX_LISTED]]
        return Found(features, shapes, details, texts={"text": text})

    return run


def _nothing(message: str, details: dict[str, Any]) -> Found:
    return Found(details=details, status="not_found", reason="not_found", message=message)


def _enlarged(scene: Scene, params: OcrParams) -> NDArray[np.uint8]:
    """Return the region dark on light, enlarged, with a border."""
    grey: NDArray[Any] = eight_bits(scene)
    height, width = (max(1, round(side * params.scale)) for side in grey.shape)
    sized = scene.buffers.take("ocr sized", (height, width), np.uint8)
    shrinks = params.scale < 1
    cv2.resize(grey, (width, height), dst=sized, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    if params.inverted:
        cv2.bitwise_not(sized, dst=sized)
    framed = scene.buffers.take("ocr framed", (height + 2 * BORDER, width + 2 * BORDER), np.uint8)
    cv2.copyMakeBorder(sized, BORDER, BORDER, BORDER, BORDER, cv2.BORDER_REPLICATE, dst=framed)
    return framed


def _rect(word: Word, scene: Scene, scale: float) -> Rect:
    left, top, right, bottom = ((side - BORDER) / scale for side in word.box)
    x, y = scene.window.x0 + left, scene.window.y0 + top
    return built(Rect, shape="rect", x=x, y=y, w=max(right - left, 1), h=max(bottom - top, 1), angle=0)


def _listed(word: Word, scene: Scene, scale: float) -> dict[str, Any]:
    rect = _rect(word, scene, scale)
    return {"text": word.text, "confidence": word.confidence, "bounding_box": [rect.x, rect.y, rect.w, rect.h]}


class _Reader:
    """Tesseract with its language loaded. Raises CannotBuild where either is missing."""

    def __init__(self, params: OcrParams) -> None:
        try:
            import tesserocr
        except ImportError:
            raise CannotBuild("reading text needs tesserocr: install analyticlens[ocr]") from None
        self._library = tesserocr
        folder = _data(params.language)
        layout = getattr(tesserocr.PSM, LAYOUTS[params.layout])
        try:
            self._api = tesserocr.PyTessBaseAPI(
                path=folder, lang=params.language, psm=layout, oem=tesserocr.OEM.LSTM_ONLY
            )
        except RuntimeError:
            raise CannotBuild(f"Tesseract's language data in {folder} cannot be used") from None
        if params.characters:
            # Without the space among them words would run together.
            self._api.SetVariable("tessedit_char_whitelist", params.characters + " ")

    def read(self, grey: NDArray[np.uint8]) -> list[Word]:
        """Return the words of a picture (h, w) uint8 in reading order. Raises ToolFailed where Tesseract fails."""
        height, width = grey.shape
        self._api.SetImageBytes(grey.tobytes(), width, height, 1, width)
        # What one frame taught the reader must not change what it reads in the next.
        self._api.ClearAdaptiveClassifier()
        if not self._api.Recognize():
            raise ToolFailed("Tesseract could not read this picture")
        words = list(self._words())
        self._api.Clear()
        return words

    def _words(self) -> list[Word]:
        level = self._library.RIL.WORD
        found = self._api.GetIterator()
        words: list[Word] = []
        for item in self._library.iterate_level(found, level) if found is not None else ():
            box = item.BoundingBox(level)
            if box is None or item.Empty(level):
                continue
            text = item.GetUTF8Text(level).strip()
            if text:
                words.append(Word(text, float(item.Confidence(level)) / 100, tuple(box)))
        return words


def _data(language: str) -> str:
    """Return the folder that holds the data of all these languages. Raises CannotBuild where there is none."""
    named = os.environ.get("TESSDATA_PREFIX", "")
    folders: list[str] = [folder for folder in (named, *DATA) if folder]
    for folder in folders:
        if all((Path(folder) / f"{part}.traineddata").is_file() for part in language.split("+")):
            return folder
    packages = " ".join(f"tesseract-ocr-{part.replace('_', '-')}" for part in language.split("+"))
    raise CannotBuild(f"Tesseract's language data for {language} is not here (Debian: {packages})")
