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
from analyticlens.engine.pose import Pose
from analyticlens.engine.reading import Judge, eight_bits
from analyticlens.engine.regions import bounds_of, moved
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
    # A turned rectangle is read upright: its own pixels count, not those of the larger one around it.
    pixels = round(tool.region.w) * round(tool.region.h) if isinstance(tool.region, Rect) else height * width
    return LEAST_MS + MEGAPIXEL_MS * pixels * tool.params.scale**2 / 1e6


def prepare(tool: OcrTool, kit: Kit) -> Run:
    """Return the function that reads text.

    Raises CannotBuild where Tesseract or its language data is missing, or the pattern cannot be read.
    """
    params = tool.params
    judge = Judge(params)
    reader = _Reader(params)

    def run(scene: Scene) -> Found:
        frame = _Upright.of(scene)
        words = reader.read(_enlarged(scene, frame, params))
        text = " ".join(word.text for word in words)
        details = {
            "image_modified": False,
            "words": [_listed(word, frame, params.scale) for word in words[:MAX_LISTED]],
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
        shapes: list[OverlayShape] = [_rect(word, frame, params.scale) for word in words[:MAX_LISTED]]
        return Found(features, shapes, details, texts={"text": text})

    return run


def _nothing(message: str, details: dict[str, Any]) -> Found:
    return Found(details=details, status="not_found", reason="not_found", message=message)


class _Upright(NamedTuple):
    """The region's own frame: its size in pixels, and the motion from it into the picture. Text is read along its rows."""

    width: int
    height: int
    pose: Pose

    @classmethod
    def of(cls, scene: Scene) -> _Upright:
        """Return the frame of the scene's region: turned as a rectangle is, or as the datum it follows has turned another shape."""
        window, region = scene.window, scene.region
        (height, width), angle = window.shape, scene.pose.angle_deg
        centre = (window.x0 + (width - 1) / 2, window.y0 + (height - 1) / 2)
        if isinstance(region, Rect):
            width, height, angle = round(region.w), round(region.h), region.angle
            centre = (region.x + (region.w - 1) / 2, region.y + (region.h - 1) / 2)
        elif angle and region is not None:
            # As it stood before its datum turned it, about its own middle.
            x0, x1, y0, y1 = bounds_of(moved(region, Pose.carry(centre, centre, -angle)))
            width, height = x1 - x0, y1 - y0
            centre = Pose.carry(centre, centre, angle).apply(x0 + (width - 1) / 2, y0 + (height - 1) / 2)
        return cls(width, height, Pose.carry(((width - 1) / 2, (height - 1) / 2), centre, angle))


def _enlarged(scene: Scene, frame: _Upright, params: OcrParams) -> NDArray[np.uint8]:
    """Return the region upright, dark on light, enlarged, with a border."""
    grey: NDArray[Any] = eight_bits(scene)
    height, width = (max(1, round(side * params.scale)) for side in (frame.height, frame.width))
    sized = scene.buffers.take("ocr sized", (height, width), np.uint8)
    if frame.pose.sin == 0 and frame.pose.cos > 0 and grey.shape == (frame.height, frame.width):
        shrinks = params.scale < 1
        cv2.resize(grey, (width, height), dst=sized, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    else:
        cos, sin, dx, dy = frame.pose
        # From a pixel of the enlarged text to one of the window, both counted from pixel centres.
        back, half = 1 / params.scale, 0.5 / params.scale - 0.5
        to_window = np.array(
            [
                [cos * back, -sin * back, dx - scene.window.x0 + (cos - sin) * half],
                [sin * back, cos * back, dy - scene.window.y0 + (sin + cos) * half],
            ]
        )
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        cv2.warpAffine(grey, to_window, (width, height), dst=sized, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    if params.inverted:
        cv2.bitwise_not(sized, dst=sized)
    framed = scene.buffers.take("ocr framed", (height + 2 * BORDER, width + 2 * BORDER), np.uint8)
    cv2.copyMakeBorder(sized, BORDER, BORDER, BORDER, BORDER, cv2.BORDER_REPLICATE, dst=framed)
    return framed


def _rect(word: Word, frame: _Upright, scale: float) -> Rect:
    left, top, right, bottom = ((side - BORDER) / scale for side in word.box)
    w, h = max(right - left, 1), max(bottom - top, 1)
    x, y = frame.pose.apply(left + (w - 1) / 2, top + (h - 1) / 2)
    return built(Rect, shape="rect", x=x - (w - 1) / 2, y=y - (h - 1) / 2, w=w, h=h, angle=frame.pose.angle_deg)


def _listed(word: Word, frame: _Upright, scale: float) -> dict[str, Any]:
    rect = _rect(word, frame, scale)
    listed = {"text": word.text, "confidence": word.confidence, "bounding_box": [rect.x, rect.y, rect.w, rect.h]}
    return listed | ({"angle_deg": rect.angle} if rect.angle else {})


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
