"""Work that must not be lost waits for a database that is away."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import Error, connection

from ocrsite.lib.database import is_unreachable

T = TypeVar("T")

logger = logging.getLogger(__name__)

# How soon to try again.
RECHECK_SECONDS = 0.5


def retry_while_unreachable(act: Callable[[], T]) -> T:
    """Do something with the database, however long it is away; the task's hard end is the limit.

    It may be done again after a first time whose end was lost, and must be safe to repeat.
    """
    waits = False
    while True:
        try:
            return act()
        except Error as error:
            if not is_unreachable(error):
                raise
            if not waits:  # once, not twice a second
                logger.exception("The work waits for the database.")
            waits = True
            connection.close()
        time.sleep(RECHECK_SECONDS)
