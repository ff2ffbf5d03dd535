"""The addresses of the site as with OIDC_ISSUER set, which is read when they are loaded."""

from django.urls import include, path

from ocrsite.urls import handler500 as handler500
from ocrsite.urls import urlpatterns as every

urlpatterns = [path("", include("extraction.accounts.sso.urls")), *every]
