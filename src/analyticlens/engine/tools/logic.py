"""logic: and, or, not, n of m over what the limits of earlier tools say, in Kleene's three-valued logic.

Undecided is neither true nor false: a combination is decided as soon as no way of deciding the undecided ones could change it
(S. C. Kleene, "On notation for ordinal numbers", 1938). A tool that broke counts as undecided here and is an error in itself.
"""

from __future__ import annotations

from analyticlens.engine.errors import CannotBuild
from analyticlens.engine.kit import Kit
from analyticlens.engine.scene import Found, Run, Scene
from analyticlens.protocol.tools import LogicTool


def prepare(tool: LogicTool, kit: Kit) -> Run:
    """Return the function that combines the verdicts.

    Raises CannotBuild where it names no tool yet, or one that has no limits and so says nothing.
    """
    if not tool.params.tools:
        raise CannotBuild("it does not say yet which tools it combines")
    named = {earlier.id: earlier for earlier in kit.recipe.tools if earlier.id in tool.params.tools}
    for earlier in named.values():
        if not earlier.limits:
            raise CannotBuild(f"{earlier.name} has no limits, so there is nothing to combine")
    least, most = tool.params.range

    def run(scene: Scene) -> Found:
        said = {number: scene.verdicts.get(number, "undecided") for number in tool.params.tools}
        passed = sum(verdict == "ok" for verdict in said.values())
        failed = sum(verdict == "nok" for verdict in said.values())
        counts = {"passed": float(passed), "failed": float(failed)}
        highest = len(said) - failed
        if least <= passed and highest <= most:
            return Found({"result": 1.0, **counts})
        if highest < least or passed > most:
            return Found({"result": 0.0, **counts})
        unsure = ", ".join(named[number].name for number, verdict in said.items() if verdict not in ("ok", "nok"))
        message = f"it could not be decided for {unsure}"
        return Found(counts, status="not_found", reason="input_undecided", message=message)

    return run
