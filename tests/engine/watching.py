"""A piece of code in a process of its own, watched as the user's code is."""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgebuild.engine.process.forks import Forks
from edgebuild.engine.process.probes import Probes
from edgebuild.engine.process.sighting import Sighting
from edgebuild.engine.process.witness import Witness
from edgebuild.engine.seen import Seen, ignored_folders, seen_now, still_so
from edgebuild.engine.store import Store


class Watcher:
    """Runs functions in a folder and remembers what they were seen to read."""

    def __init__(self, folder: Path, store: Store) -> None:
        self.folder, self.store = folder, store
        folder.mkdir(exist_ok=True)

    def sightings(self, code: Callable[[], Any]) -> list[Sighting]:
        """What a function was seen to read, in a fork of this process."""
        answer = self.folder.with_suffix(".json")
        process = os.fork()
        if process == 0:
            try:
                answer.write_text(json.dumps(self._watch(code)))
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
        found: list[Sighting] = json.loads(answer.read_text())
        return found

    def _watch(self, code: Callable[[], Any]) -> list[Sighting]:
        os.chdir(self.folder)
        forks = Forks(str(self.folder.with_suffix(".forks")))
        witness = Witness(ignored_folders(self.store, [self.folder]), [str(self.folder)], forks)
        witness.start()
        with Probes(witness):
            code()
        return witness.stop()

    def seen(self, code: Callable[[], Any]) -> Seen:
        """What is stored of it; raises StepError where something changed meanwhile."""
        return seen_now(self.sightings(code), [self.folder], self.store, "load")

    def kinds(self, code: Callable[[], Any]) -> dict[str, str]:
        """Places below the folder, to what was there."""
        return {place.replace(":0/", ":"): said for place, said in self.seen(code)}

    def holds(self, seen: Seen) -> bool:
        """Whether all of it is as it was."""
        return still_so(seen, [self.folder], self.store)
