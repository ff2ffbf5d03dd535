"""Keys and their quotas, made as staff make them."""

import re
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from tokens import amounts, quota_changes, services
from tokens.models import Company, ModelPrice, Quota, TokenMaster, Unit
from tokens.periods import Period

KEY = "AIzaCanaryCanaryCanaryCanaryCanary1x9Qz"


def make_token(api_key: str = KEY, **fields: Any) -> TokenMaster:
    """A key of company NT047 with its totals, as the admin adds it."""
    given = {"company_id": "NT047", "company_name": "RUBI TRADERS", **fields}
    token = TokenMaster(api_key=api_key, **given)
    services.create_token(token=token)
    return token


def make_company(company_id: str, **fields: Any) -> Company:
    """A company as staff set it up, whether its row is there already or not."""
    company, _ = Company.objects.update_or_create(company_id=company_id, defaults=fields)
    return company


def make_price(
    model: str = "gemini-x", *, since: datetime = datetime(2026, 1, 1, tzinfo=UTC), **prices: Any
) -> ModelPrice:
    """What a model costs: 1 EUR for a million LLM tokens of input, 4 EUR for one of output."""
    given = {"input": "1", "cached_input": "0.1", "output": "4", "currency": "EUR", **prices}
    price, _ = ModelPrice.objects.update_or_create(model=model, valid_from=since, defaults=given)
    return price


def make_budget(of: TokenMaster | Company, period: Period, limit: str, **fields: Any) -> Quota:
    """A quota in money, such as "0.05 EUR"."""
    amount = amounts.read(limit)
    return make_quota(of, period, amount.value, unit=Unit.MONEY, currency=amount.currency, **fields)


def make_quota(of: TokenMaster | Company, period: Period, limit: int, **fields: Any) -> Quota:
    """A quota of a key, or of a company with all its keys."""
    scope = {"token": of} if isinstance(of, TokenMaster) else {"company": of}
    quota = Quota(**scope, period=period, limit=limit, **fields)
    quota_changes.save_quota(quota=quota, by="asha", reason="New contract.")
    return quota


def insert_by_sql(
    key: str = KEY, *, company_id: str = "NT047", provider: str = "Gemini", limit: int = 100_000
) -> TokenMaster:
    """A key without totals, as staff insert it by SQL: the contract's statement, nothing else."""
    names = "TokenMaster (CompanyID, CompanyName, ApiKey, Provider, TotalTokenLimit, Status)"
    if connection.vendor == "postgresql":  # which folds unquoted names to lower case
        names = re.sub(r"\w+", r'"\g<0>"', names)
    statement = f"INSERT INTO {names} VALUES (%s, 'RUBI TRADERS', %s, %s, %s, 'Active')"
    with connection.cursor() as cursor:
        cursor.execute(statement, [company_id, key, provider, limit])
    return TokenMaster.objects.latest("token_id")
