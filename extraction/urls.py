"""Addresses for people."""

from django.urls import path

from extraction import export_views, page_views, review_views, views

urlpatterns = [
    path("", views.upload, name="upload"),
    path("extractions/", views.extraction_list, name="list"),
    path("extractions/act/", views.act_on_list, name="act-on-list"),
    path("extractions/<uuid:extraction_id>/", views.result, name="result"),
    path("extractions/<uuid:extraction_id>/retry/", views.retry, name="retry"),
    path("extractions/<uuid:extraction_id>/ubl/", export_views.einvoice, name="einvoice"),
    path("exports/", export_views.export, name="export"),
    path("exports/<str:format_name>/", export_views.export, name="export-as"),
    path("extractions/<uuid:extraction_id>/review/", review_views.review, name="review"),
    path(
        "extractions/<uuid:extraction_id>/review/check/",
        review_views.check,
        name="review-check",
    ),
    path("extractions/<uuid:extraction_id>/pages/<int:number>/", page_views.image, name="page"),
    path(
        "extractions/<uuid:extraction_id>/pages/<int:number>/words/",
        page_views.words,
        name="page-words",
    ),
    path(
        "extractions/<uuid:extraction_id>/pages/<int:number>/turn/",
        page_views.turn,
        name="page-turn",
    ),
    path("review/printed/", page_views.printed, name="review-printed"),
    path("review/", review_views.open_next, name="review-next"),
]
