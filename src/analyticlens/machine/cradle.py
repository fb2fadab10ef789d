"""Children at hand: one spare whose libraries are loaded, so that a new pipeline or a replacement is there in milliseconds."""

from __future__ import annotations

import threading

from analyticlens.machine.inspector import BEGINNING, ChildDied, ChildLate, Inspector, Nest, Resume, Work


class Cradle:
    """Makes children, keeps one spare, and knows all that live, so that closing ends every one of them."""

    def __init__(self, nest: Nest) -> None:
        """Make children of this nest."""
        self.nest = nest
        self._mutex = threading.Lock()
        self._spare: Inspector | None = None
        self._living: set[Inspector] = set()
        self._building: set[Inspector] = set()
        self._closed = False

    def warm(self) -> None:
        """Start a spare if there is none; it loads its libraries by itself."""
        with self._mutex:
            if self._closed or (self._spare is not None and self._spare.alive):
                return
            self._spare = self._make()

    def take(self) -> Inspector:
        """Return a child that was not opened yet. Raises ChildDied once closed."""
        with self._mutex:
            child, self._spare = self._spare, None
            if child is not None and child.alive:
                return child
            if child is not None:
                self._end(child)
            return self._make()

    def give_back(self, child: Inspector) -> None:
        """Take back a child that is well but could not be opened; it may serve again."""
        with self._mutex:
            if self._spare is None and not self._closed and child.alive:
                self._spare = child
            else:
                self._end(child)

    def end(self, child: Inspector) -> None:
        """Kill a child."""
        with self._mutex:
            self._end(child)

    def abort(self) -> None:
        """Break off what is being built on behalf of somebody: whoever waits for it hears that the child died."""
        with self._mutex:
            for child in self._building:
                child.process.kill()

    def build(self, work: Work, resume: Resume = BEGINNING, *, abortable: bool = False) -> Inspector:
        """Return a child opened with work, beside whatever runs. Raises RecipeRefused, SourceRefused, ChildDied, ChildLate."""
        child = self.take()
        if abortable:
            with self._mutex:
                self._building.add(child)
        try:
            child.open(work, resume)
        except (ChildDied, ChildLate):
            self.end(child)
            raise
        except BaseException:
            self.give_back(child)
            raise
        finally:
            with self._mutex:
                self._building.discard(child)
        return child

    def close(self) -> None:
        """Kill every child; whoever waits for one hears that it died."""
        with self._mutex:
            self._closed = True
            for child in self._living:
                child.process.kill()

    def reap(self) -> None:
        """Wait for the killed children, once nobody uses one any more."""
        with self._mutex:
            while self._living:
                self._living.pop().kill()

    def _make(self) -> Inspector:
        if self._closed:
            raise ChildDied("the machine is closing")
        child = Inspector(self.nest)
        self._living.add(child)
        return child

    def _end(self, child: Inspector) -> None:
        self._living.discard(child)
        child.kill()
