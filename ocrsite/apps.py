from django.apps import AppConfig


class OcrsiteConfig(AppConfig):
    name = "ocrsite"
