from typing import Any

from django.core.management import BaseCommand, CommandError

from tokens import encryption, key_rotation


class Command(BaseCommand):
    help = (
        "Encrypt every provider key, and the secrets of second factors, with the first of "
        "TOKEN_ENCRYPTION_KEYS. Online and resumable; prints the rows per key id. An old key "
        "whose id is not printed may be removed."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        rows = key_rotation.rotate_keys()
        for key_id, count in sorted(rows.items()):
            self.stdout.write(f"{key_id}: {count} rows")
        left = rows.total() - rows[encryption.writing_key_id()]
        if left:
            raise CommandError(
                f"{left} rows are not encrypted with the first key. The log names them; "
                "add their old key to TOKEN_ENCRYPTION_KEYS or enter the provider keys anew."
            )
