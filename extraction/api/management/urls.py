"""Addresses of the management API."""

from django.urls import path

from extraction.api.management import clients, companies, grants, quotas, tokens

_ROUTES = [
    ("tokens/", tokens.KeysView, "tokens"),
    ("tokens/<int:token_id>/", tokens.KeyView, "token"),
    ("tokens/<int:token_id>/key/", tokens.KeyRotationView, "token-key"),
    ("companies/", companies.CompaniesView, "companies"),
    # Ids of companies may hold slashes.
    ("companies/<path:company_id>/close/", companies.ClosingView, "company-close"),
    ("companies/<path:company_id>/reopen/", companies.ReopeningView, "company-reopen"),
    ("companies/<path:company_id>/", companies.CompanyView, "company"),
    ("clients/", clients.ClientsView, "clients"),
    ("clients/<str:client>/", clients.ClientView, "client"),
    ("clients/<str:client>/key/", clients.ClientKeyView, "client-key"),
    ("clients/<str:client>/revoke/", clients.RevocationView, "client-revoke"),
    ("quotas/", quotas.QuotasView, "quotas"),
    ("quotas/<int:quota_id>/", quotas.QuotaView, "quota"),
    ("grants/", grants.GrantsView, "grants"),
    ("grants/<int:grant_id>/", grants.GrantView, "grant"),
]
urlpatterns = [
    path(f"api/v1/manage/{route}", view.as_view(), name=f"manage-{name}")
    for route, view, name in _ROUTES
]
