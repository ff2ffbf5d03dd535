from typing import Any

from django.core.management import BaseCommand

from tokens import installation


class Command(BaseCommand):
    help = (
        "Have this DATA_DIR work with the database although its secrets do not open the stored "
        "keys, which must then be entered again. For a restored database whose secrets are lost."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Bind DATA_DIR to the database."""
        installation.adopt()
        self.stdout.write("Start web and worker again, then enter all keys again.")
