from datetime import time, timedelta

import pytest
from django_q.models import Schedule

from ocrsite.lib.schedules import ensure_nightly


@pytest.mark.django_db
def test_workers_that_start_at_the_same_moment_schedule_once() -> None:
    """Without a constraint each of two may find none and make one."""
    for _ in range(2):
        Schedule.objects.create(name="clean", func="place.clean", schedule_type=Schedule.DAILY)
    first = Schedule.objects.earliest("pk")

    ensure_nightly("clean", "place.clean", time(3))

    assert Schedule.objects.get(name="clean") == first


@pytest.mark.django_db
def test_a_moved_function_keeps_the_time_that_staff_chose() -> None:
    ensure_nightly("clean", "old.place.clean", time(3))
    chosen = Schedule.objects.get(name="clean").next_run + timedelta(hours=1)
    Schedule.objects.filter(name="clean").update(next_run=chosen, schedule_type=Schedule.WEEKLY)

    ensure_nightly("clean", "new.place.clean", time(3))

    schedule = Schedule.objects.get(name="clean")
    assert (schedule.func, schedule.next_run) == ("new.place.clean", chosen)
    assert schedule.schedule_type == Schedule.WEEKLY
