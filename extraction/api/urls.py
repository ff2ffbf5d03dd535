"""Addresses for programs."""

from django.urls import path, re_path

from extraction.api import batch_views, decision_views, schema, spending_views, views, webhooks
from extraction.api.management import urls as management

urlpatterns = [
    path("extract", views.ExtractView.as_view(), name="extract"),
    path("extract/", views.ExtractView.as_view(), name="extract-slash"),
    path("api/v1/extractions/", views.ExtractionsView.as_view(), name="api-extractions"),
    path(
        "api/v1/extractions/<uuid:extraction_id>/",
        views.ExtractionView.as_view(),
        name="api-extraction",
    ),
    path(
        "api/v1/extractions/<uuid:extraction_id>/retry/",
        decision_views.RetryView.as_view(),
        name="api-retry",
    ),
    *(
        path(f"api/v1/extractions/<uuid:extraction_id>/{name}/", view.as_view(), name=f"api-{name}")
        for name, view in (
            ("approve", decision_views.ApproveView),
            ("reject", decision_views.RejectView),
            ("cancel", decision_views.CancelView),
        )
    ),
    path("api/v1/batches/", batch_views.BatchesView.as_view(), name="api-batches"),
    path("api/v1/batches/<uuid:batch_id>/", batch_views.BatchView.as_view(), name="api-batch"),
    path("api/v1/exports/<str:format_name>/", views.ExportView.as_view(), name="api-export"),
    path("api/v1/companies/", views.CompaniesView.as_view(), name="api-companies"),
    path("api/v1/webhooks/", webhooks.WebhooksView.as_view(), name="api-webhooks"),
    path("api/v1/webhooks/<uuid:endpoint_id>/", webhooks.WebhookView.as_view(), name="api-webhook"),
    path("api/v1/usage/", spending_views.UsageView.as_view(), name="api-usage"),
    path("api/v1/quota/", spending_views.QuotaView.as_view(), name="api-quota"),
    path(
        "api/v1/extractions/<uuid:extraction_id>/pages/<int:number>",
        views.PageView.as_view(),
        name="api-page",
    ),
    *management.urlpatterns,
    path("api/schema/", schema.SchemaView.as_view(), name="api-schema"),
    path("api/docs/", schema.docs, name="api-docs"),
    re_path(r"^api/", views.UnknownView.as_view()),
]
