"""What the cluster's processes report."""

import multiprocessing
import threading

import pytest
from django_q import signals
from pytest_django import Settings

from extraction import liveness, tasks
from extraction.worker.cluster import WorkerCluster

forking = multiprocessing.get_context("fork")


def test_processes_of_the_cluster_report_their_liveness(
    restored_signals: None, settings: Settings
) -> None:
    own = liveness.Liveness()
    cluster = WorkerCluster(own)

    signals.pre_execute.send("django_q", func=None, task={"func": tasks.TASK})
    assert own.taken_at > own.done_at == 0
    signals.post_execute_in_worker.send("django_q", func=None, task={})
    assert own.done_at >= own.taken_at
    assert own.acknowledged_at == 0
    signals.post_execute.send("django_q", task={})
    assert own.acknowledged_at >= own.done_at
    del cluster


@pytest.mark.parametrize(
    ("task", "is_other"), [(tasks.TASK, False), ("logs.retention.purge_logs", True)]
)
def test_processes_tell_when_they_work_on_something_else_than_extractions(
    restored_signals: None, task: str, is_other: bool
) -> None:
    own = liveness.Liveness()
    cluster = WorkerCluster(own)
    taken, may_end, ended = forking.Event(), forking.Event(), forking.Event()

    def work() -> None:
        signals.pre_execute.send("django_q", func=None, task={"func": task})
        taken.set()
        may_end.wait()
        signals.post_execute_in_worker.send("django_q", func=None, task={})
        ended.set()
        threading.Event().wait()

    process = forking.Process(target=work)
    process.start()
    try:
        assert taken.wait(30)
        assert own.has_other_work is is_other
        assert own.has_other_work is is_other  # to ask does no harm
        may_end.set()
        assert ended.wait(30)
        assert not own.has_other_work
    finally:
        process.kill()
        process.join()
    del cluster
