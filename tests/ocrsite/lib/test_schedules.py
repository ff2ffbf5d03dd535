from datetime import time, timedelta

import pytest
from django_q.models import Schedule

from ocrsite.lib.schedules import ensure_nightly


@pytest.mark.django_db
def test_a_moved_function_keeps_the_time_that_staff_chose() -> None:
    ensure_nightly("clean", "old.place.clean", time(3))
    chosen = Schedule.objects.get(name="clean").next_run + timedelta(hours=1)
    Schedule.objects.filter(name="clean").update(next_run=chosen, schedule_type=Schedule.WEEKLY)

    ensure_nightly("clean", "new.place.clean", time(3))

    schedule = Schedule.objects.get(name="clean")
    assert (schedule.func, schedule.next_run) == ("new.place.clean", chosen)
    assert schedule.schedule_type == Schedule.WEEKLY
