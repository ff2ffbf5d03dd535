"""Sessions in the database, as Django's, which says so when the database cannot be reached.

Django takes any error of an UPDATE for a session that was deleted meanwhile, and answers 400.
"""

from functools import partial

from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import UpdateError

from ocrsite.lib.database import is_unreachable, retry_deadlocks


class SessionStore(db.SessionStore):
    """One session."""

    def save(self, must_create: bool = False) -> None:
        """Save it. Raises django.db.Error when the database cannot be reached."""
        retry_deadlocks(partial(self._save, must_create))

    def _save(self, must_create: bool) -> None:
        try:
            super().save(must_create)
        except UpdateError as error:
            cause = error.__context__
            if cause is not None and is_unreachable(cause):
                raise cause from cause.__cause__
            raise
