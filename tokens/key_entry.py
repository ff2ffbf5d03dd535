"""A key as it was entered in a form, by people or by programs: made, or saved as changed."""

from tokens import services
from tokens.forms import TokenForm
from tokens.models import TokenMaster

# Fields of the form whose changes a TokenChange tells, and so the audit list.
TOLD_BY_CHANGES = frozenset({"status", "total_token_limit", "new_key"})


def save_entered(token: TokenMaster, form: TokenForm, *, by: str) -> None:
    """Make the key of a valid form, or save only what was changed: calls change the same row.

    ``by`` is the name of a user, or what ``by_client`` returns.
    """
    entered, changed = form.cleaned_data, set(form.changed_data)
    fields = changed.intersection(TokenForm.Meta.fields)
    if entered["new_key"]:
        token.api_key = entered["new_key"]
        fields.add("api_key")
    if "status" in changed:
        token.status_reason = f"Set by {by}."
        fields.add("status_reason")
    if token._state.adding:
        services.create_token(token=token, threshold=entered["threshold"])
        return
    services.update_token(
        token=token,
        fields=fields,
        by=by,
        reason=entered["why"],
        threshold=entered["threshold"] if "threshold" in changed else None,
    )
