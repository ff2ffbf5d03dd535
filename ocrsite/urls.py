"""Every address of the site."""

from django.conf import settings
from django.contrib import admin
from django.contrib.auth import views as auth_views
from django.urls import URLPattern, URLResolver, include, path
from django.utils.translation import gettext_lazy
from django.views.generic import RedirectView
from django.views.i18n import set_language

from extraction.accounts.forms import AdminLogInForm
from extraction.accounts.log_in import LogInView, admin_log_in
from ocrsite.views import favicon, health, readiness

admin.site.site_header = "ocrsite"
admin.site.site_title = "ocrsite"
admin.site.index_title = gettext_lazy("Administration")
admin.site.login_form = AdminLogInForm

handler500 = "extraction.error_views.server_error"

urlpatterns: list[URLPattern | URLResolver] = [
    *([path("", include("extraction.accounts.sso.urls"))] if settings.OIDC_ISSUER else []),
    path("", include("extraction.urls")),
    path("", include("extraction.api.urls")),
    path("login/", LogInView.as_view(), name="login"),
    path("logout/", auth_views.LogoutView.as_view(), name="logout"),
    path("account/", include("extraction.accounts.urls")),
    path("account/language/", set_language, name="set_language"),
    path("healthz", health, name="health"),
    path("readyz", readiness, name="readiness"),
    path("favicon.ico", favicon),
    # Before the admin's own views at these addresses.
    path("admin/login/", admin_log_in),
    path("admin/password_change/", RedirectView.as_view(pattern_name="password-change")),
    path("admin/", admin.site.urls),
]
