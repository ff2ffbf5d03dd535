"""The processes of django-q2 under one worker: how they start, report and end."""

import threading
import time
from typing import Any

from django.conf import settings
from django.db import connections
from django_q import signals
from django_q.brokers import Broker, get_broker
from django_q.cluster import Cluster

from extraction.liveness import Liveness
from extraction.tasks import TASK
from ocrsite.lib.parent_death import tie_forks


class WorkerCluster(Cluster):  # type: ignore[misc]  # django-q2 has no types
    """A django-q2 cluster that reports its liveness and can be killed as a whole.

    On Linux pusher, workers and monitor die with the sentinel that forked them, and the sentinel
    with this process. While its worker drains, its pusher takes no message: what it took and did
    not work on would be lost to other workers.
    """

    def __init__(self, liveness: Liveness) -> None:
        super().__init__()
        self._liveness = liveness
        signals.pre_execute.connect(self._report_taken)
        signals.post_execute_in_worker.connect(self._report_done)
        signals.post_execute.connect(self._report_acknowledged)

    def start(self) -> None:
        """Start every process. Raises RuntimeError when the sentinel dies at once."""
        tie_forks()
        self.broker = _held_back(get_broker(), self._liveness)
        connections.close_all()  # the broker made one, and none must cross the fork
        super().start()

    def is_alive(self) -> bool:
        """Whether the sentinel lives, which replaces worker processes that died."""
        return bool(self.sentinel.is_alive())

    def ask_to_stop(self) -> None:
        """Have the processes finish their tasks and end; returns at once."""
        # In a thread: when the sentinel was killed while it waited for the event, this hangs.
        threading.Thread(target=self.stop_event.set, name="stop", daemon=True).start()

    def kill(self) -> None:
        """End every process at once; does nothing when none lives."""
        self.sentinel.kill()
        self.sentinel.join()

    def _report_taken(self, task: dict[str, Any], **_: object) -> None:
        self._liveness.take(is_extraction=task["func"] == TASK)

    def _report_done(self, **_: object) -> None:
        self._liveness.finish()

    def _report_acknowledged(self, **_: object) -> None:
        self._liveness.acknowledge()


def _held_back(broker: Broker, liveness: Liveness) -> Broker:
    """The broker, which finds nothing in the queue while the worker drains."""
    dequeue = broker.dequeue

    def dequeue_unless_draining() -> Any:
        if liveness.draining:
            time.sleep(settings.Q_CLUSTER["poll"])  # as a broker does that finds nothing
            return None
        return dequeue()

    # Where processes are not forked (Windows) it does not reach the pusher, which pickles brokers.
    broker.dequeue = dequeue_unless_draining
    return broker
