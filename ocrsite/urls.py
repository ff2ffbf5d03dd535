"""Every address of the site."""

from django.contrib import admin
from django.contrib.auth import views as auth_views
from django.urls import URLPattern, URLResolver, include, path

from ocrsite.views import health, readiness

admin.site.site_header = "ocrsite"
admin.site.site_title = "ocrsite"
admin.site.index_title = "Administration"

handler500 = "extraction.error_views.server_error"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("extraction.urls")),
    path("", include("extraction.api.urls")),
    path("login/", auth_views.LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", auth_views.LogoutView.as_view(), name="logout"),
    path("healthz", health, name="health"),
    path("readyz", readiness, name="readiness"),
    path("admin/", admin.site.urls),
]
