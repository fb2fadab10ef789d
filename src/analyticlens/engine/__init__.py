"""Picture and recipe in, verdict out. numpy and OpenCV; no threads, files, network, Flask or Django.

    prepared = prepare(recipe)             # raises RecipeRefused
    inspection = inspect(frame, prepared)  # for each frame

OpenCV's own threads are the caller's matter: `cv2.setNumThreads(1)` where several machines share a computer.
"""

from analyticlens.engine.errors import RecipeRefused
from analyticlens.engine.inspection import ENGINE_VERSION, Inspection, inspect
from analyticlens.engine.prepared import Prepared, prepare

__all__ = ["ENGINE_VERSION", "Inspection", "Prepared", "RecipeRefused", "inspect", "prepare"]
