from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import RequestFactory

from extraction.access import NotAllowed, Principal, principal_of
from extraction.api.authentication import ClientUser
from extraction.models import Right
from extraction.roles import AUDITOR, LEAD, OPERATOR, SUPPORT, TOKEN_MANAGER, RoleKind
from tests.extraction.conftest import Integrator
from tests.extraction.factories import make_user
from tests.tokens.rows import make_token
from tokens.models import Company


def principal(user: Any, auth: Any = None) -> Principal:
    request = RequestFactory().get("/")
    request.user = user
    request.auth = auth  # type: ignore[attr-defined]  # as DRF sets it
    return principal_of(request)


def test_operator_acts_for_granted_companies_only(operator: User) -> None:
    asha = principal(operator)

    assert (asha.label, asha.name) == (f"user:{operator.pk}", "asha")
    assert asha.company_ids() == ["NT047"]
    for right in Right:
        assert asha.company_ids(right) == ["NT047"]
        assert [asha.may(right, company) for company in ("NT047", "NT048", "")] == [
            *(True, False, False)
        ]
    assert [asha.sees(company) for company in ("NT047", "NT048", "")] == [True, False, False]


def test_client_acts_for_bound_companies_only(integrator: Integrator) -> None:
    record = integrator.record
    erp = principal(ClientUser(record), record)

    assert (erp.label, erp.name) == (f"client:{record.prefix}", "ERP")
    assert erp.company_ids() == ["NT047"]
    assert all(erp.may(right, "NT047") and not erp.may(right, "NT048") for right in Right)


def test_superuser_acts_for_every_company(db: None) -> None:
    root = principal(User.objects.create_superuser("root"))

    assert root.company_ids() is None
    assert root.sees("ANY")
    assert all(root.may(right, "ANY") for right in Right)


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
        asha.sees("NT047")


OPERATORS = {Right.UPLOAD, Right.CORRECT, Right.RETRY}


@pytest.mark.parametrize(
    ("role", "rights"),
    [
        (OPERATOR, OPERATORS),
        (LEAD, set(Right)),
        (TOKEN_MANAGER, set()),
        (AUDITOR, set()),
        (SUPPORT, {Right.RETRY}),
    ],
)
def test_rights_for_a_granted_company_are_those_of_the_role(
    db: None, role: RoleKind, rights: set[Right]
) -> None:
    person = principal(make_user("ina", role, "NT047"))

    assert {right for right in Right if person.may(right, "NT047")} == rights
    assert {right for right in Right if person.may(right)} == rights
    assert person.rights("NT047") == {str(right): right in rights for right in Right}
    for right in set(Right) - rights:
        with pytest.raises(NotAllowed):
            person.demand(right, "NT047")


def test_who_has_a_grant_and_no_role_sees_and_changes_nothing(db: None) -> None:
    user = User.objects.create_user("new")
    user.company_grants.create(company_id="NT047")

    assert principal(user).company_ids() == ["NT047"]
    assert not any(principal(user).may(right) for right in Right)


@pytest.mark.parametrize("role", [AUDITOR, SUPPORT])
def test_staff_who_see_extractions_see_those_of_every_company(db: None, role: RoleKind) -> None:
    assert principal(make_user("ina", role)).company_ids() is None
    # Without "staff status" the admin is closed, and so is what is shown by its permissions.
    assert principal(make_user("ben", role, is_staff=False)).company_ids() == []


def test_what_staff_see_without_a_grant_they_do_not_change(db: None) -> None:
    user = make_user("ina", AUDITOR, "NT047")
    user.groups.add(*make_user("lea", LEAD).groups.all())
    ina = principal(user)

    assert ina.sees("NT048")
    assert {right for right in Right if ina.may(right, "NT048")} == {Right.EXPORT, Right.RETRY}
    assert all(ina.may(right, "NT047") for right in Right)


def test_binding_limits_what_staff_see_and_their_grants(db: None) -> None:
    auditor = make_user("ina", AUDITOR, "NT049")
    lead = make_user("lea", LEAD, "NT047", "NT049", is_staff=True)
    for company_id, others in (("Nt047", ["nt047"]), ("NT048", [])):
        company = Company.objects.create(company_id=company_id, other_spellings=others)
        for user in (auditor, lead):
            user.staff_companies.create(company=company)

    assert principal(auditor).company_ids() == ["NT048", "Nt047", "nt047"]
    assert principal(lead).company_ids(Right.APPROVE) == ["NT047"]
    assert not principal(lead).sees("NT049")


def test_binding_says_nothing_to_superusers(db: None) -> None:
    root = User.objects.create_superuser("root")
    root.staff_companies.create(company=Company.objects.create(company_id="NT047"))

    assert principal(root).company_ids() is None
