"""Jobs that wait until lost bytes are there again."""

from __future__ import annotations

from dataclasses import replace

from edgebuild.engine.jobs import Job
from edgebuild.engine.orders import Lacking
from edgebuild.engine.outcomes import Built, Declined, Failed


class Lost:
    """Steps whose bytes are being made again, each with the jobs that wait for them."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[Job]] = {}

    def missing(self, lacking: Lacking, job: Job | None = None) -> list[str]:
        """Bytes that are not there.

        Args:
            lacking: whose.
            job: that waits for all of them.

        Returns:
            Steps that nobody makes again yet, in a fixed order.
        """
        new = sorted(step_id for step_id in lacking.steps if step_id not in self._waiting)
        self._waiting.update({step_id: [] for step_id in new})
        if job:
            job.lacks = set(lacking.steps)
            for step_id in lacking.steps:
                self._waiting[step_id].append(job)
        return new

    def made(self, step_id: str, answer: Built | Declined | Failed) -> tuple[list[Job], list[tuple[Job, Failed]]]:
        """A step's bytes are there again, or cannot be made.

        Returns:
            Jobs that lack nothing any more, and those whose input cannot be made again: they end as its maker did.
        """
        ready: list[Job] = []
        ended: list[tuple[Job, Failed]] = []
        for job in self._waiting.pop(step_id, []):
            job.lacks.discard(step_id)
            if isinstance(answer, Built):
                ready += [] if job.lacks else [job]
            elif isinstance(answer, Failed):
                self._forget(job)
                ended.append((job, replace(answer, step_id=job.step.id, label=job.order.label)))
        return ready, ended

    def _forget(self, job: Job) -> None:
        for others in self._waiting.values():
            if job in others:
                others.remove(job)
