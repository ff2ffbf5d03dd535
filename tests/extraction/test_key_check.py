"""The button in the admin that asks the provider whether a key works."""

import logging

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils.html import escape

from extraction.models import PromptCost
from tests.emulator.server import Emulator
from tests.tokens.rows import KEY, make_token
from tokens.models import Provider, TokenMaster, TokenUsageLog

pytestmark = pytest.mark.django_db


def page_of(token: TokenMaster) -> str:
    return f"/admin/tokens/tokenmaster/{token.pk}/change/"


def address(token: TokenMaster) -> str:
    return f"/admin/tokens/tokenmaster/{token.pk}/test/"


def outcome(client: Client, token: TokenMaster) -> str:
    """Press the button and return the message that is shown."""
    response = client.post(address(token), follow=True)
    assert response.redirect_chain == [(page_of(token), 302)]
    assert KEY not in response.content.decode()
    [message] = response.context["messages"]
    assert escape(str(message)) in response.content.decode()
    return str(message)


def test_page_of_a_token_has_the_button(admin_client: Client) -> None:
    token = make_token()

    page = admin_client.get(page_of(token)).content.decode()

    assert f'<form method="post" action="{address(token)}">' in page


def test_good_key_is_accepted_and_nothing_is_stored_but_the_outcome(
    admin_client: Client, emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = make_token(model="gemini-own")

    assert outcome(admin_client, token) == "Gemini accepts the key."

    assert [(call.key, call.model) for call in emulator.counts.calls] == [(KEY, "gemini-own")]
    assert emulator.calls == ()
    assert not TokenUsageLog.objects.exists()
    assert not PromptCost.objects.exists()
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.change_message) == (
        str(token.pk),
        "Tested the key: Gemini accepts the key.",
    )
    assert f"The key of token {token.pk} was tested: Gemini accepts the key." in caplog.messages
    assert KEY not in caplog.text


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("key_invalid", "Gemini rejects this API key. Replace it."),
        ("model_not_found", "This key has no such model. Check the model's name."),
        ("internal", "Gemini is out of order for now. Try again later."),
    ],
)
def test_rejection_is_shown_and_the_status_stays(
    fault: str,
    sentence: str,
    admin_client: Client,
    emulator: Emulator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    token = make_token()
    emulator.faults.add(fault, method="countTokens")

    assert outcome(admin_client, token) == sentence

    token.refresh_from_db()
    assert token.status == "Active"
    assert LogEntry.objects.get().change_message == f"Tested the key: {sentence}"
    assert KEY not in caplog.text


def test_stored_key_that_cannot_be_decrypted_is_told(admin_client: Client) -> None:
    token = make_token()
    copied = make_token()
    TokenMaster.objects.filter(pk=copied.pk).update(api_key=token.api_key)

    assert outcome(admin_client, copied) == ("The stored key cannot be decrypted. Enter it again.")


def test_provider_that_nobody_speaks_to_is_told(admin_client: Client) -> None:
    token = make_token(provider="OpenAI")

    assert outcome(admin_client, token) == (
        "The key's provider is not supported. Set it to Gemini or Offline."
    )


def test_offline_needs_no_key(admin_client: Client) -> None:
    token = make_token(provider=Provider.OFFLINE, api_key="")

    assert outcome(admin_client, token) == "Offline accepts the key."


def test_key_is_tested_by_post_alone_and_only_by_those_who_may_change_it(
    admin_client: Client, client: Client, emulator: Emulator
) -> None:
    token = make_token()
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_tokenmaster"))
    client.force_login(viewer)

    assert admin_client.get(address(token)).status_code == 405
    assert admin_client.post(address(token).replace(f"/{token.pk}/", "/0/")).status_code == 404
    assert client.post(address(token)).status_code == 403
    assert "Test the stored key" not in client.get(page_of(token)).content.decode()
    assert emulator.counts.calls == ()
