"""Addresses of one's own account."""

from django.urls import path

from extraction.accounts import reset, views

urlpatterns = [
    path("", views.account, name="account"),
    path("password/", views.ChangePasswordView.as_view(), name="password-change"),
    path("code/", views.log_in_code, name="log-in-code"),
    path("second-factor/", views.second_factor_page, name="second-factor"),
    path("second-factor/qr.svg", views.qr_code, name="second-factor-qr"),
    path("reset/", reset.ResetView.as_view(), name="password-reset"),
    path("reset/sent/", reset.ResetSentView.as_view(), name="password-reset-sent"),
    path(
        "reset/<uidb64>/<token>/", reset.ResetConfirmView.as_view(), name="password-reset-confirm"
    ),
]
