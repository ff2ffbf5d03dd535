from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from tokens import ledger_audit


class Command(BaseCommand):
    help = (
        "Compare the totals of every key with its usage and reservations, and name each that is "
        "wrong; exits with 1 if there is one. Scheduled every night."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--repair",
            action="store_true",
            help="rebuild wrong totals from the rows and say what was changed",
        )

    def handle(self, *_args: Any, repair: bool, **_options: Any) -> None:
        if repair:
            changes = ledger_audit.repair_ledger()
            for line in changes or ["Nothing had to be changed."]:
                self.stdout.write(line)
            return
        problems = ledger_audit.audit_ledger()
        for problem in problems:
            self.stdout.write(problem)
        if problems:
            raise CommandError(
                f"{len(problems)} problems. After looking at them, run audit_ledger --repair."
            )
        self.stdout.write("The ledger is right.")
