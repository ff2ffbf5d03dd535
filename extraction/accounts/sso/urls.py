"""Addresses of single sign-on; the callback's is what the provider is told of this site."""

from django.urls import path

from extraction.accounts.sso.views import BeginView, CallbackView, LogOutView

urlpatterns = [
    path("account/sso/", BeginView.as_view(), name="sso"),
    path("account/sso/callback/", CallbackView.as_view(), name="oidc_authentication_callback"),
    # Before Django's own at this address.
    path("logout/", LogOutView.as_view(), name="logout"),
]
