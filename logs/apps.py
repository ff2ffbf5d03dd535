from django.apps import AppConfig
from django.conf import settings
from django.utils.translation import gettext_lazy as _


class LogsConfig(AppConfig):
    name = "logs"
    verbose_name = _("Logs")

    def ready(self) -> None:
        """Register this site's secrets, flush on SIGTERM, follow the levels staff set, audit."""
        from logs import audit, levels, redaction
        from logs.handler import handler
        from ocrsite.lib import audit as recorded

        redaction.register(
            settings.SECRET_KEY,
            settings.TOKEN_FINGERPRINT_KEY,
            settings.OIDC_CLIENT_SECRET,
            *settings.TOKEN_ENCRYPTION_KEYS,
            *(database.get("PASSWORD", "") for database in settings.DATABASES.values()),
        )
        handler.flush_on_sigterm()
        recorded.register(audit.write)
        levels.follow()
