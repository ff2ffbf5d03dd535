import logging
from io import StringIO
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from pytest_django import Settings

from ocrsite.lib.database import empty_write_ahead_log
from tests.tokens.rows import KEY, insert_by_sql, make_token
from tokens import encryption, key_rotation
from tokens.models import TokenMaster

pytestmark = pytest.mark.vendor

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


def stored_key(token: TokenMaster) -> str:
    return TokenMaster.objects.values_list("api_key", flat=True).get(pk=token.pk)


@pytest.mark.parametrize("clear", ["k", KEY, "A" * encryption.MAX_KEY_LENGTH])
def test_decrypt_returns_what_encrypt_was_given(clear: str) -> None:
    assert encryption.decrypt(encryption.encrypt(clear, 7), 7) == clear


def test_the_longest_key_of_the_largest_id_fits_into_the_column() -> None:
    assert len(encryption.encrypt("A" * encryption.MAX_KEY_LENGTH, 2**63 - 1)) == 793


def test_encrypt_refuses_a_key_that_does_not_fit() -> None:
    with pytest.raises(ValueError, match=r"^Key 7 is too long"):
        encryption.encrypt("A" * 10_000, 7)


def test_a_stored_value_contains_the_id_of_the_encryption_key_and_nothing_of_the_key() -> None:
    stored = encryption.encrypt(KEY, 7)

    assert KEY not in stored
    assert stored.startswith(f"enc:{encryption.writing_key_id()}:")
    assert encryption.key_id_of(stored) == encryption.writing_key_id()
    assert encryption.key_id_of(KEY) == "clear"


def test_a_value_copied_to_another_row_does_not_decrypt() -> None:
    with pytest.raises(encryption.UndecryptableKey, match="key 8"):
        encryption.decrypt(encryption.encrypt(KEY, 7), 8)


@pytest.mark.parametrize("stored", ["enc:", "enc:00000000:abc", "enc:no colon"])
def test_a_value_of_an_unknown_encryption_key_does_not_decrypt(stored: str) -> None:
    with pytest.raises(encryption.UndecryptableKey):
        encryption.decrypt(stored, 7)


def test_a_damaged_value_does_not_decrypt() -> None:
    with pytest.raises(encryption.UndecryptableKey):
        encryption.decrypt(encryption.encrypt(KEY, 7)[:-8], 7)


def test_decrypt_returns_a_key_inserted_in_clear_without_its_blanks() -> None:
    assert encryption.decrypt(f" {KEY}\n", 7) == KEY


def test_the_first_encryption_key_writes_and_every_one_reads(settings: Settings) -> None:
    settings.TOKEN_ENCRYPTION_KEYS = [OLD]
    old = encryption.encrypt(KEY, 7)
    settings.TOKEN_ENCRYPTION_KEYS = [NEW, OLD]
    new = encryption.encrypt(KEY, 7)

    assert encryption.decrypt(old, 7) == encryption.decrypt(new, 7) == KEY
    settings.TOKEN_ENCRYPTION_KEYS = [NEW]
    assert encryption.decrypt(new, 7) == KEY
    with pytest.raises(encryption.UndecryptableKey):
        encryption.decrypt(old, 7)


@pytest.mark.parametrize(
    ("clear", "shown"),
    [
        (KEY, "AIza…x9Qz"),
        ("YOUR_API_KEY", "…"),
        ("A" * 19, "…"),
        ("AB" * 10, "ABAB…ABAB"),
        ("", ""),
    ],
)
def test_mask_shows_the_ends_of_long_keys_only(clear: str, shown: str) -> None:
    assert encryption.mask(clear) == shown


def test_fingerprint_depends_on_its_own_key_alone(settings: Settings) -> None:
    settings.TOKEN_FINGERPRINT_KEY = "one"
    first = encryption.fingerprint(KEY)
    settings.TOKEN_ENCRYPTION_KEYS = [NEW]
    assert encryption.fingerprint(KEY) == first
    assert len(first) == 64

    settings.TOKEN_FINGERPRINT_KEY = "two"
    assert encryption.fingerprint(KEY) != first


@pytest.mark.django_db
def test_a_saved_key_is_stored_encrypted_with_its_fingerprint() -> None:
    token = make_token()

    assert stored_key(token) == token.api_key
    assert token.api_key.startswith("enc:")
    assert token.key_fingerprint == encryption.fingerprint(KEY)
    assert (token.reveal_key(), token.masked_key) == (KEY, "AIza…x9Qz")
    assert KEY not in repr(vars(token))


@pytest.mark.django_db
def test_a_saved_key_is_never_sent_to_the_database_in_clear() -> None:
    statements: list[str] = []

    def watch(execute, sql, params, many, context):  # type: ignore[no-untyped-def]  # Django's hook
        statements.append(f"{sql} {params}")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        token = make_token()
        token.api_key = KEY[::-1]
        token.save()

    assert [text for text in statements if KEY in text or KEY[::-1] in text] == []
    assert len(statements) > 4


@pytest.mark.django_db
def test_a_failed_insert_leaves_the_clear_key_for_another_try() -> None:
    make_token(token_id=1)
    token = TokenMaster(token_id=1, company_id="NT047", api_key=KEY)

    with pytest.raises(IntegrityError), transaction.atomic():
        token.save(force_insert=True)

    assert token.api_key == KEY
    token.token_id = 2
    token.save()
    assert token.reveal_key() == KEY


@pytest.mark.django_db
def test_saving_a_new_key_alone_saves_its_fingerprint_too() -> None:
    token = make_token()
    token.api_key = "another-key-of-some-length"
    token.save(update_fields=["api_key"])

    token.refresh_from_db()
    assert token.reveal_key() == "another-key-of-some-length"
    assert token.key_fingerprint == encryption.fingerprint("another-key-of-some-length")


@pytest.mark.django_db
def test_saving_another_field_leaves_the_stored_key_alone() -> None:
    token = make_token()
    before = stored_key(token)
    token.company_name = "RUBI"
    token.save(update_fields=["company_name"])
    token.save()

    assert stored_key(token) == before


@pytest.mark.django_db
def test_an_offline_entry_needs_no_key() -> None:
    token = make_token(api_key="", provider="Offline")

    assert (token.api_key, token.masked_key, token.key_fingerprint) == ("", "", None)


@pytest.mark.django_db
def test_a_key_that_cannot_be_decrypted_is_shown_as_that() -> None:
    token = make_token()
    token.api_key = encryption.encrypt(KEY, token.pk + 1)
    token.save()

    assert token.masked_key == "cannot be decrypted"


@pytest.mark.django_db
def test_a_key_inserted_by_sql_can_be_used_at_once() -> None:
    assert insert_by_sql("YOUR_API_KEY").reveal_key() == "YOUR_API_KEY"


def on_disk(text: str) -> list[str]:
    """Names of the database's files that hold the text."""
    database = Path(str(connection.settings_dict["NAME"]))
    files = sorted(database.parent.glob(f"{database.name}*"))
    return [file.name for file in files if text.encode() in file.read_bytes()]


@pytest.mark.django_db(transaction=True)
def test_encryption_of_clear_keys_leaves_no_byte_of_them_on_disk() -> None:
    token = insert_by_sql(f" {KEY}\n")
    insert_by_sql("", provider="Offline")
    if connection.vendor == "sqlite":
        assert on_disk(KEY) != []

    assert key_rotation.encrypt_clear_keys() == 1
    assert key_rotation.encrypt_clear_keys() == 0

    if connection.vendor == "sqlite":
        assert on_disk(KEY) == []
    token.refresh_from_db()
    assert token.api_key.startswith("enc:")
    assert token.reveal_key() == KEY
    assert token.key_fingerprint == encryption.fingerprint(KEY)


@pytest.mark.django_db(transaction=True)
def test_encryption_of_clear_keys_disables_one_that_is_too_long(
    caplog: pytest.LogCaptureFixture,
) -> None:
    token = insert_by_sql("A" * 900)

    assert [key_rotation.encrypt_clear_keys(), key_rotation.encrypt_clear_keys()] == [0, 0]

    token.refresh_from_db()
    assert (token.status, token.status_reason) == ("Disabled", key_rotation.TOO_LONG)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "AAAA" not in caplog.text


@pytest.mark.django_db(transaction=True)
def test_rotation_encrypts_every_key_with_the_first_and_reports(settings: Settings) -> None:
    settings.TOKEN_ENCRYPTION_KEYS = [OLD]
    old_id = encryption.writing_key_id()
    tokens = [make_token(), make_token(), insert_by_sql()]
    fingerprints = {encryption.fingerprint(KEY)}
    settings.TOKEN_ENCRYPTION_KEYS = [NEW, OLD]
    tokens.append(make_token())
    output = StringIO()

    call_command("rotate_token_keys", stdout=output)

    assert output.getvalue() == f"{encryption.writing_key_id()}: 4 rows\n"
    settings.TOKEN_ENCRYPTION_KEYS = [NEW]
    for token in tokens:
        token.refresh_from_db()
        assert token.reveal_key() == KEY
    assert set(TokenMaster.objects.values_list("key_fingerprint", flat=True)) == fingerprints
    assert on_disk(f"enc:{old_id}") == []


@pytest.mark.django_db(transaction=True)
def test_rotation_logs_the_keys_that_no_encryption_key_decrypts(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.TOKEN_ENCRYPTION_KEYS = [OLD]
    old_id = encryption.writing_key_id()
    lost = make_token()
    settings.TOKEN_ENCRYPTION_KEYS = [NEW]
    make_token()
    output = StringIO()

    with pytest.raises(CommandError, match=r"^1 rows are not encrypted with the first key"):
        call_command("rotate_token_keys", stdout=output)

    assert set(output.getvalue().splitlines()) == {
        f"{old_id}: 1 rows",
        f"{encryption.writing_key_id()}: 1 rows",
    }
    assert caplog.messages == [f"Stored key {lost.pk} cannot be decrypted."]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite has a write-ahead log file")
@pytest.mark.django_db(transaction=True)
def test_encryption_of_clear_keys_logs_that_a_reader_kept_the_write_ahead_log_from_being_emptied(
    caplog: pytest.LogCaptureFixture,
) -> None:
    insert_by_sql()
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 0")
    reader = connection.copy()
    try:
        with reader.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")
            cursor.execute("SELECT COUNT(*) FROM TokenMaster")
            assert key_rotation.encrypt_clear_keys() == 1
    finally:
        reader.close()
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout = 20000")

    assert caplog.messages == [
        "A long read kept overwritten keys in the database's write-ahead log."
    ]
    assert empty_write_ahead_log()
