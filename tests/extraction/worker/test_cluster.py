"""What the cluster's processes report."""

from django_q import signals
from pytest_django import Settings

from extraction import liveness, tasks
from extraction.worker.cluster import WorkerCluster


def test_processes_of_the_cluster_report_their_liveness(
    restored_signals: None, settings: Settings
) -> None:
    own = liveness.Liveness()
    cluster = WorkerCluster(own)

    signals.pre_execute.send("django_q", func=None, task={"func": tasks.TASK})
    assert (own.taken_at > 0, own.other_taken_at) == (True, 0)
    signals.pre_execute.send("django_q", func=None, task={"func": "logs.retention.purge"})
    signals.post_execute_in_worker.send("django_q", func=None, task={})
    assert own.other_taken_at >= own.done_at - 1 > 0
    assert own.acknowledged_at == 0
    signals.post_execute.send("django_q", task={})
    assert own.acknowledged_at >= own.done_at
    del cluster
