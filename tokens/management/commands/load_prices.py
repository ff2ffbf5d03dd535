from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from tokens import price_list


class Command(BaseCommand):
    help = (
        "Show what the shipped list of prices (tokens/prices.json) would add to the table of "
        "prices or change in it, and with --apply do so. What calls cost before stays as booked."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "file", nargs="?", type=Path, default=price_list.SHIPPED, help="another list"
        )
        parser.add_argument("--apply", action="store_true", help="do what is shown")

    def handle(self, *_args: Any, file: Path, apply: bool, **_options: Any) -> None:
        try:
            changes = price_list.changes(file)
        except (price_list.BadPriceList, OSError) as error:
            raise CommandError(str(error)) from error
        for change in changes:
            self.stdout.write(str(change))
        if not changes:
            self.stdout.write("Every price of the list is in the table.")
        elif apply:
            price_list.apply(changes)
            self.stdout.write(f"{len(changes)} prices applied.")
        else:
            self.stdout.write("Nothing is changed yet: add --apply to do so.")
