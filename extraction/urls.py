"""Addresses for people."""

from django.urls import path

from extraction import views

urlpatterns = [
    path("", views.upload, name="upload"),
    path("extractions/", views.extraction_list, name="list"),
    path("extractions/act/", views.act_on_list, name="act-on-list"),
    path("extractions/<uuid:extraction_id>/", views.result, name="result"),
    path("extractions/<uuid:extraction_id>/retry/", views.retry, name="retry"),
]
