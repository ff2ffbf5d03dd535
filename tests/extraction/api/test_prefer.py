import pytest

from extraction.api.prefer import seconds_to_wait


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        ("", 40),
        ("respond-async", 0),
        ("Respond-Async", 0),
        ("wait=10", 10),
        ('wait="10"', 10),
        ("wait=0", 0),
        ("respond-async, wait=10", 10),
        ("wait=10; foo=bar, respond-async", 10),
        ("wait=999999999", 60),
        ("wait=-5", 40),
        ("wait=soon", 40),
        ("wait=99999999999999999999", 40),
        ("return=minimal", 40),
    ],
)
def test_seconds_to_wait(prefer: str, seconds: int) -> None:
    assert seconds_to_wait(prefer, default=40, at_most=60) == seconds
