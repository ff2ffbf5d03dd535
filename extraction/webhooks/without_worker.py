"""What the web processes do while no worker lives: nobody else could tell of it."""

import threading
from collections.abc import Callable

from extraction.alert_watch import watch_workers
from extraction.webhooks.alerts import tell_alerts
from extraction.webhooks.delivery import Deliverer
from tokens import emails


def notifier() -> Callable[[], None]:
    """Return what mails new alerts and sends what receivers are to be told, as a worker would."""
    deliverer = Deliverer()

    def notify() -> None:
        emails.deliver_alerts()
        tell_alerts()
        deliverer.round()

    return notify


def watch_workers_in_thread() -> None:
    """Look for workers for as long as this process lives."""
    wait = threading.Event().wait
    threading.Thread(
        target=watch_workers, args=(wait, notifier()), name="worker-watch", daemon=True
    ).start()
