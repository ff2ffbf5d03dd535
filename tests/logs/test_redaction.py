import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from logs import redaction
from logs.redaction import redact

GOOGLE_KEY = "AIzaSyD0123456789abcdefghijklmnopqrstuv"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"key {GOOGLE_KEY} rejected", "key [redacted] rejected"),
        (
            f"https://g.example/v1/models?key={GOOGLE_KEY}",
            "https://g.example/v1/models?key=[redacted]",
        ),
        ("https://g.example/?a=1&key=abc&b=2", "https://g.example/?a=1&key=[redacted]&b=2"),
        ("new form AQ.Ab8RN6KexampleExampleExample", "new form [redacted]"),
        ("x-goog-api-key: abc123", "x-goog-api-key: [redacted]"),
        ("{'x-goog-api-key': 'abc 123', 'a': 1}", "{'x-goog-api-key': [redacted], 'a': 1}"),
        ('{"api_key": "abc, 123"}', '{"api_key": [redacted]}'),
        (r"{\"ApiKey\": \"abc\"}", r"{\"ApiKey\": [redacted]}"),
        ("[(b'X-API-Key', b'abc')]", "[(b'X-API-Key', b[redacted])]"),
        ("GEMINI_API_KEY=abc", "GEMINI_API_KEY=[redacted]"),
        ("Authorization: Api-Key abc.def\nHost: x", "Authorization: [redacted]\nHost: x"),
        ("{'Authorization': 'Bearer abc', 'a': 1}", "{'Authorization': [redacted], 'a': 1}"),
        ("sent Api-Key abcdefgh.0123456789abcdef", "sent Api-Key [redacted]"),
        ("the Api-Key is missing", "the Api-Key is missing"),
        ("mssql://sa:p%40ss@db:1433/ocr", "mssql://sa:[redacted]@db:1433/ocr"),
        ("redis://:hunter2@cache:6379", "redis://:[redacted]@cache:6379"),
        ("UID=sa;PWD={a;b};DATABASE=ocr", "UID=sa;PWD=[redacted];DATABASE=ocr"),
        ("UID=sa;PWD=abc;DATABASE=ocr", "UID=sa;PWD=[redacted];DATABASE=ocr"),
        ("ApiKey was 'enc:v1:gAAAAAB='", "ApiKey was '[redacted]'"),
        ("1340 tokens, 2 pages, 10:30", "1340 tokens, 2 pages, 10:30"),
        ("see http://127.0.0.1:8000/a@b", "see http://127.0.0.1:8000/a@b"),
    ],
)
def test_redact(text: str, expected: str) -> None:
    assert redact(text) == expected


def test_registered_values_are_redacted_whatever_their_form(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(redaction, "_secrets", ())
    redaction.register("longenough", "longenough-and-longer", "short")

    assert redact("longenough-and-longer longenough short") == "[redacted] [redacted] short"


def test_the_sites_own_secrets_are_registered_at_start() -> None:
    for secret in (
        settings.SECRET_KEY,
        settings.TOKEN_FINGERPRINT_KEY,
        *settings.TOKEN_ENCRYPTION_KEYS,
    ):
        assert redact(f"<{secret}>") == "<[redacted]>"


def test_redacting_a_long_text_takes_linear_time() -> None:
    """A quadratic pattern would take minutes for a megabyte."""
    text = "a" * 1_000_000

    assert redact(text) == text


@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                [
                    *("api_key", "Secret-Key", "PASSWORD", "passwd", "pwd", "Authorization"),
                    *("Bearer ", "Api-Key ", "AIza", "AQ.", "enc:", "://", "?sig=", "&token="),
                    *("access_token", "=", ": ", "'", '"', ",", "@", "x" * 24, "K", "ſ", "ı"),
                ]
            ),
            st.text(max_size=3),
        )
    ).map("".join)
)
def test_every_match_of_a_pattern_contains_a_hint(text: str) -> None:
    if not redaction._may_match(text):
        assert all(not pattern.search(text) for pattern, _ in redaction._COMPILED)
