"""The processes of django-q2 under one worker, and how they all come to an end."""

import threading
from typing import Any

from django_q import signals
from django_q.cluster import Cluster

from extraction.liveness import Liveness
from extraction.tasks import TASK
from ocrsite.lib.parent_death import tie_forks


class WorkerCluster(Cluster):  # type: ignore[misc]  # django-q2 has no types
    """A django-q2 cluster that tells its pulse and can be killed as a whole.

    Its sentinel forks pusher, workers and monitor, so that on Linux all die with the sentinel,
    and the sentinel with this process.
    """

    def __init__(self, pulse: Liveness) -> None:
        super().__init__()
        self._pulse = pulse
        signals.pre_execute.connect(self._tell_taken)
        signals.post_execute_in_worker.connect(self._tell_done)
        signals.post_execute.connect(self._tell_acknowledged)

    def start(self) -> None:
        """Start every process. Raises RuntimeError when the sentinel dies at once."""
        tie_forks()
        super().start()

    def is_alive(self) -> bool:
        """Whether the sentinel lives, which starts dead workers again."""
        return bool(self.sentinel.is_alive())

    def ask_to_stop(self) -> None:
        """Have the processes finish what they do and end; returns at once."""
        # In a thread: when the sentinel was killed while it waited for the event, this hangs.
        threading.Thread(target=self.stop_event.set, name="stop", daemon=True).start()

    def kill(self) -> None:
        """End every process at once; does nothing when none lives."""
        self.sentinel.kill()
        self.sentinel.join()

    def _tell_taken(self, task: dict[str, Any], **_: object) -> None:
        self._pulse.take(is_extraction=task["func"] == TASK)

    def _tell_done(self, **_: object) -> None:
        self._pulse.finish()

    def _tell_acknowledged(self, **_: object) -> None:
        self._pulse.acknowledge()
