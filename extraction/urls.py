"""Addresses for people."""

from django.urls import path

from extraction import (
    document_views,
    export_views,
    page_views,
    review_views,
    trace_views,
    upload_views,
    usage_views,
    views,
)

urlpatterns = [
    path("", upload_views.upload, name="upload"),
    path("samples/", upload_views.try_sample, name="try-sample"),
    path("extractions/states/", upload_views.states, name="states"),
    path("extractions/", views.extraction_list, name="list"),
    path("extractions/act/", views.act_on_list, name="act-on-list"),
    path("extractions/<uuid:extraction_id>/", views.result, name="result"),
    path("extractions/<uuid:extraction_id>/waiting/", views.waiting, name="waiting"),
    path("extractions/<uuid:extraction_id>/retry/", views.retry, name="retry"),
    path("extractions/<uuid:extraction_id>/trace/", trace_views.trace, name="trace"),
    path("extractions/deleted/", document_views.deleted, name="deleted"),
    path("extractions/deleted/undo/", document_views.undo_chosen, name="undo-deleted"),
    path("extractions/<uuid:extraction_id>/cancel/", document_views.cancel, name="cancel"),
    path("extractions/<uuid:extraction_id>/delete/", document_views.delete, name="delete"),
    path("extractions/<uuid:extraction_id>/undo/", document_views.undo, name="undo-delete"),
    path(
        "extractions/<uuid:extraction_id>/read-again/",
        document_views.read_again,
        name="read-again",
    ),
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
    # Before the admin's own views, whose navigation leads to them.
    path("admin/usage-report/", usage_views.usage_report, name="usage-report"),
    path(
        "admin/usage-report/<str:format_name>/",
        usage_views.usage_report_file,
        name="usage-report-file",
    ),
    path(
        "admin/usage-report/call/<uuid:attempt_id>/",
        usage_views.document_of_call,
        name="document-of-call",
    ),
]
