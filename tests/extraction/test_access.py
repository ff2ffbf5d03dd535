from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import RequestFactory

from extraction.access import Principal, principal_of
from extraction.api.authentication import ClientUser
from tests.extraction.conftest import Integrator
from tests.tokens.rows import make_token


def principal(user: Any, auth: Any = None) -> Principal:
    request = RequestFactory().get("/")
    request.user = user
    request.auth = auth  # type: ignore[attr-defined]  # as DRF sets it
    return principal_of(request)


def test_operator_acts_for_granted_companies_only(operator: User) -> None:
    asha = principal(operator)

    assert (asha.label, asha.name) == (f"user:{operator.pk}", "asha")
    assert asha.company_ids() == ["NT047"]
    assert [asha.may_act_for(company) for company in ("NT047", "NT048", "")] == [True, False, False]


def test_client_acts_for_bound_companies_only(integrator: Integrator) -> None:
    record = integrator.record
    erp = principal(ClientUser(record), record)

    assert (erp.label, erp.name) == (f"client:{record.prefix}", "ERP")
    assert erp.company_ids() == ["NT047"]
    assert not erp.may_act_for("NT048")


def test_superuser_acts_for_every_company(db: None) -> None:
    root = principal(User.objects.create_superuser("root"))

    assert root.company_ids() is None
    assert root.may_act_for("ANY")


def test_companies_carry_the_names_of_their_tokens(operator: User) -> None:
    operator.company_grants.create(company_id="AB001")
    for company_id, name in [("NT047", "RUBI"), ("NT047", None), ("NT048", "OTHER")]:
        make_token(company_id=company_id, company_name=name)

    assert principal(operator).companies() == {"AB001": "", "NT047": "RUBI"}
    root = principal(User.objects.create_superuser("root"))
    assert root.companies() == {"NT047": "RUBI", "NT048": "OTHER"}


def test_company_ids_are_asked_for_once(
    operator: User, django_assert_num_queries: pytest.FixtureRequest
) -> None:
    asha = principal(operator)

    with django_assert_num_queries(1):  # type: ignore[operator]  # its type is not exported
        asha.company_ids()
        asha.may_act_for("NT047")
