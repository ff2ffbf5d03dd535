"""Settings, read from the environment, then ``.env``, then ``$DATA_DIR/secrets.env``.

README's configuration table and ``.env.example`` list every variable.
"""

import math
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF
from environs import Env, validate

from ocrsite.lib.database import database_settings
from ocrsite.lib.files import make_folder
from ocrsite.lib.moments import known_time_zone
from ocrsite.lib.oidc import issuer_address, names_by_group, oidc_backends, origins
from ocrsite.lib.outbound_targets import ALLOWED_HOST
from ocrsite.local_secrets import ensure_secrets_file
from ocrsite.loggers import LOGGERS

BASE_DIR = Path(__file__).resolve().parent.parent

env = Env()
env.read_env(BASE_DIR / ".env", recurse=False)

DATA_DIR: Path = env.path("DATA_DIR", BASE_DIR / "var").resolve()
env.read_env(ensure_secrets_file(DATA_DIR), recurse=False)

# Security
SECRET_KEY: str = env.str("SECRET_KEY")
DEBUG: bool = env.bool("DEBUG", False)
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", [])
HTTPS: bool = env.bool("HTTPS", False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
# How many proxies, each trusted, append the address they were called from to X-Forwarded-For.
TRUSTED_PROXIES: int = env.int("TRUSTED_PROXIES", 0, validate=validate.Range(min=0, max=10))
BEHIND_PROXY = HTTPS or TRUSTED_PROXIES > 0
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz)$"]
SESSION_COOKIE_HTTPONLY = True
SESSION_ENGINE = "ocrsite.lib.sessions"
# Without a page opened for so long, a session ends; twelve hours: overnight.
SESSION_MINUTES: int = env.int("SESSION_MINUTES", 720, validate=validate.Range(min=1))
SESSION_COOKIE_AGE = SESSION_MINUTES * 60
# Of whom a second factor is demanded; everybody may set one up.
REQUIRE_TOTP: str = env.str(
    "REQUIRE_TOTP", "none", validate=validate.OneOf(["none", "staff", "all"])
)
# Single sign-on: docs/roles.md. Without an issuer nothing of it is loaded.
OIDC_ISSUER: str = env.str("OIDC_ISSUER", "", validate=issuer_address)
OIDC_CLIENT_ID: str = env.str("OIDC_CLIENT_ID", "")
OIDC_CLIENT_SECRET: str = env.str("OIDC_CLIENT_SECRET", "")
OIDC_NAME: str = env.str("OIDC_NAME", "")
OIDC_SCOPES: str = env.str("OIDC_SCOPES", "openid email profile")
OIDC_GROUPS_CLAIM: str = env.str("OIDC_GROUPS_CLAIM", "groups")
OIDC_ROLES = names_by_group(env.list("OIDC_ROLES", []))
OIDC_COMPANIES = names_by_group(env.list("OIDC_COMPANIES", []))
OIDC_SECOND_FACTOR: list[str] = env.list("OIDC_SECOND_FACTOR", [])
OIDC_LINK_BY_EMAIL: bool = env.bool("OIDC_LINK_BY_EMAIL", False)
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend", *oidc_backends(OIDC_ISSUER)]
PASSWORD_RESET_TIMEOUT = 3600  # seconds; the mail says so
X_FRAME_OPTIONS = "DENY"
DEFAULT_EXCEPTION_REPORTER_FILTER = "ocrsite.lib.error_reports.NoVariables"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF, *origins(OIDC_ISSUER)],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# Provider keys: the first encryption key writes, every key reads.
TOKEN_ENCRYPTION_KEYS: list[str] = env.list("TOKEN_ENCRYPTION_KEYS")
TOKEN_FINGERPRINT_KEY: str = env.str("TOKEN_FINGERPRINT_KEY")

# Application
INSTALLED_APPS = [
    "ocrsite",
    "ocrsite.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "csp",
    "rest_framework",
    "rest_framework_api_key",
    "django_q",
    "logs",
    "tokens",
    "extraction",
]
MIDDLEWARE = [
    "logs.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    # Before the CSRF check, which reads the form.
    "extraction.middleware.UploadLimitMiddleware",
    "extraction.middleware.PageLocaleMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "logs.middleware.LogContextMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "extraction.accounts.middleware.LogInStepsMiddleware",
]
ROOT_URLCONF = "ocrsite.urls"
WSGI_APPLICATION = "ocrsite.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "extraction.navigation.to_review",
            ],
        },
    },
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "upload"
LOGOUT_REDIRECT_URL = "login"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("ne", "नेपाली")]
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_SECURE = HTTPS
LANGUAGE_COOKIE_HTTPONLY = True
# Of what is stored, logged, exported and answered to programs.
TIME_ZONE = "UTC"
# Of the pages.
DISPLAY_TIME_ZONE: str = env.str("DISPLAY_TIME_ZONE", "UTC", validate=known_time_zone)
USE_I18N = True
USE_TZ = True
FORMAT_MODULE_PATH = "ocrsite.formats"

# Where `serve` listens
HOST = "127.0.0.1"
PORT: int = env.int("PORT", 8000, validate=validate.Range(min=1, max=65535))

# Database
DATABASES = {"default": database_settings(env.str("DATABASE_URL", ""), DATA_DIR)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# In the memory of each process
_LOCAL_MEMORY = "django.core.cache.backends.locmem.LocMemCache"
CACHES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": _LOCAL_MEMORY},
    # API clients, for while the database is away: extraction/access.py.
    "known_clients": {
        "BACKEND": _LOCAL_MEMORY,
        "LOCATION": "known_clients",
        # At the limit one of a thousand goes: the one that has not called for the longest time.
        "OPTIONS": {"MAX_ENTRIES": 1_000, "CULL_FREQUENCY": 1_000},
    },
    # Accounts, keys and addresses that are locked: extraction/throttling.py.
    "locks": {
        "BACKEND": _LOCAL_MEMORY,
        "LOCATION": "locks",
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    },
}

# Files
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "ocrsite" / "static"]
# Static files as well: WhiteNoise serves them, so that no other user has to read them.
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700
# With the documents: what a crash leaves of an upload is removed there, and hidden from others.
FILE_UPLOAD_TEMP_DIR = make_folder(DATA_DIR / "tmp")
FILE_UPLOAD_HANDLERS = ["extraction.documents.upload_handlers.DigestingHandler"]
# No default: documents are written by extraction.documents.intake, not through Django's storage.
STORAGES = {
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# Intake
MAX_UPLOAD_MB: int = env.int("MAX_UPLOAD_MB", 20, validate=validate.Range(min=1))
# The document, and the rest of the form.
MAX_BODY_BYTES = (MAX_UPLOAD_MB + 1) * 1024 * 1024
MAX_PAGES: int = env.int("MAX_PAGES", 50, validate=validate.Range(min=1))
# The review page sends every value of an invoice: of 1000 lines with a dozen columns, 12,000.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024  # form fields; files are checked against MAX_UPLOAD_MB

# The e-invoice inside a PDF is read instead of its pages, without a call.
EINVOICE_FIRST: bool = env.bool("EINVOICE_FIRST", True)

# Gemini
GEMINI_BASE_URL: str = env.str("GEMINI_BASE_URL", "")
GEMINI_MODEL: str = env.str("GEMINI_MODEL", "gemini-3.8-flash")
# Twice the slowest of fifty calls that were measured (90 s, for 17,000 LLM tokens of output).
GEMINI_TIMEOUT_SECONDS: int = env.int("GEMINI_TIMEOUT_SECONDS", 180, validate=validate.Range(min=1))
# None: it follows the pages, see extraction/readers/registry.py.
MAX_OUTPUT_TOKENS: int | None = (
    env.int("MAX_OUTPUT_TOKENS", validate=validate.Range(min=2000))
    if env.str("MAX_OUTPUT_TOKENS", "")
    else None
)

# While the database is away: a Gemini key from a file, in DATA_DIR unless its path is absolute.
APP_SETTING_FILE: Path = DATA_DIR / env.str("APP_SETTING_FILE", "appSetting.txt")
# None: on when the file holds a key.
DEGRADED_MODE: bool | None = env.bool("DEGRADED_MODE") if env.str("DEGRADED_MODE", "") else None

# Retry: the delay before retry n is initial × multiplier^(n-1), at most the cap.
RETRY_LIMIT: int = env.int("RETRY_LIMIT", 3, validate=validate.Range(min=0, max=10))
RETRY_INITIAL_SECONDS: float = env.float(
    "RETRY_INITIAL_SECONDS", 1.0, validate=validate.Range(min=0.0)
)
RETRY_MULTIPLIER: float = env.float("RETRY_MULTIPLIER", 2.0, validate=validate.Range(min=1.0))
RETRY_CAP_SECONDS: float = env.float("RETRY_CAP_SECONDS", 30.0, validate=validate.Range(min=0.0))
RETRY_JITTER: bool = env.bool("RETRY_JITTER", True)

# Work
EXTRACT_WAIT_SECONDS: int = env.int("EXTRACT_WAIT_SECONDS", 60, validate=validate.Range(min=0))
JOB_DEADLINE_SECONDS: int = env.int("JOB_DEADLINE_SECONDS", 600, validate=validate.Range(min=1))
WORKERS: int = env.int("WORKERS", 4, validate=validate.Range(min=1))
# A company of weight 2 gets twice as many of the workers as one of weight 1, when both have work.
# By the company id in lower case: SQL Server does not tell "nt047" from "NT047".
COMPANY_WEIGHTS: dict[str, float] = {
    company_id.strip().casefold(): float(weight)
    for company_id, weight in (
        item.rsplit("=", 1)
        for item in env.list(
            "COMPANY_WEIGHTS",
            [],
            subcast=validate.Regexp(
                r"^\s*[^=\s][^=]{0,49}=\s*(?=[0-9.]*[1-9])\d{1,4}(\.\d{1,4})?\s*$",
                error="Write it like NT047=3,ACME=0.5.",
            ),
        )
    )
}
# A process that gave no sign of life for so long is taken for dead, and what it read is read again.
LEASE_SECONDS: int = env.int("LEASE_SECONDS", 20, validate=validate.Range(min=5, max=600))
# How long a stop waits for running calls: most end within this, and one cut off is paid for.
STOP_SECONDS: int = env.int("STOP_SECONDS", 60, validate=validate.Range(min=1, max=3600))
REDIS_URL: str = env.str("REDIS_URL", "")
# A Redis that does not answer must not hold a request. Workers wait 1 s for a message in one read.
# Of two values of an option Redis' client takes the first: those of REDIS_URL win.
_REDIS_WITH_TIMEOUTS = (
    f"{REDIS_URL}{'&' if '?' in REDIS_URL else '?'}socket_connect_timeout=5&socket_timeout=10"
)

# Rendering ends within 120 s, on a machine with nothing to spare. A reading ends with Gemini's
# deadline (1.1 × its time-out), or, where tesseract reads scans, within 160 s. The task's hard end
# leaves room for both.
_TASK_TIMEOUT = max(math.ceil(1.1 * GEMINI_TIMEOUT_SECONDS), 160) + 150
_QUEUE_LIMIT = _BULK = 1
Q_CLUSTER: dict[str, Any] = {
    "name": "ocrsite",
    "workers": WORKERS,
    "poll": 0.1,
    "bulk": _BULK,
    "queue_limit": _QUEUE_LIMIT,
    "timeout": _TASK_TIMEOUT,
    # The retry clock starts when a worker prefetches a task, not when the task starts.
    "retry": _TASK_TIMEOUT * (1 + math.ceil((_QUEUE_LIMIT + _BULK) / WORKERS)) + 30,
    # The extraction's row owns its state and its retries; a failed wake-up is never redelivered.
    "ack_failures": True,
    "max_attempts": 1,
    "save_limit": -1,
    "recycle": 500,
    "max_rss": 400_000,  # KiB
    "catch_up": False,
    **({"redis": _REDIS_WITH_TIMEOUTS} if REDIS_URL else {"orm": "default"}),
}

# REST
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "extraction.api.authentication.ApiClientAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.MultiPartParser"],
    "EXCEPTION_HANDLER": "extraction.api.errors.handle_exception",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
# Whether everybody may read the description of the API, not only those who log in.
API_DOCS_PUBLIC: bool = env.bool("API_DOCS_PUBLIC", False)
SPECTACULAR_SETTINGS = {
    "OAS_VERSION": "3.1.1",
    "TITLE": "ocrsite",
    "DESCRIPTION": "Invoices in, checked JSON out.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "PREPROCESSING_HOOKS": ["extraction.api.schema.without_aliases"],
    "POSTPROCESSING_HOOKS": ["extraction.api.schema.complete"],
}

# Mail
EMAIL_HOST: str = env.str("EMAIL_HOST", "")
EMAIL_PORT: int = env.int("EMAIL_PORT", 25, validate=validate.Range(min=1, max=65535))
EMAIL_HOST_USER: str = env.str("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD: str = env.str("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS: bool = env.bool("EMAIL_USE_TLS", False)
DEFAULT_FROM_EMAIL: str = env.str("DEFAULT_FROM_EMAIL", "ocrsite@localhost")
EMAIL_TIMEOUT = 5  # seconds, for which the rest of the housekeeping waits
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'dummy'}.EmailBackend"

# Requests to hosts that people name (ocrsite/lib/outbound.py): none unless a list names it.
_is_host = validate.Regexp(ALLOWED_HOST, error="Write it like api.example.com,*.example.org:8443.")
FETCH_HOSTS: list[str] = env.list("FETCH_HOSTS", [], subcast=_is_host)
WEBHOOK_HOSTS: list[str] = env.list("WEBHOOK_HOSTS", [], subcast=_is_host)
# Days after their end that messages to webhooks are kept.
WEBHOOK_RETENTION_DAYS: int = env.int("WEBHOOK_RETENTION_DAYS", 30, validate=validate.Range(min=1))

# Alerts: shares of a limit, in per cent; where backups land, and how old the newest may be.
_is_percent = validate.Regexp(r"^\s*([1-9]\d?|100)\s*$", error="Write it like 80,95,100.")
_percents = env.list("ALERT_PERCENTS", ["80", "95", "100"], subcast=_is_percent)
ALERT_PERCENTS: list[int] = [int(percent) for percent in _percents]
BACKUP_FOLDER: str = env.str("BACKUP_FOLDER", "")
BACKUP_MAX_HOURS: int = env.int("BACKUP_MAX_HOURS", 26, validate=validate.Range(min=1))
# So many backups of manage.py backup are kept there.
BACKUP_KEEP: int = env.int("BACKUP_KEEP", 7, validate=validate.Range(min=1))

# Logs
_LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
LOG_LEVEL: str = env.str("LOG_LEVEL", "INFO", validate=validate.OneOf(_LEVELS))
# Staff can change them at run time: logs/levels.py.
LOG_LEVELS: str = env.str(
    "LOG_LEVELS",
    "",
    validate=validate.Regexp(
        rf"(\s*[\w.-]+=({'|'.join(_LEVELS)})\s*(,|$))*$", error="Write logger=LEVEL,logger=LEVEL."
    ),
)
LOG_RETENTION_DAYS: int = env.int("LOG_RETENTION_DAYS", 90, validate=validate.Range(min=1))
LOG_RETENTION_DAYS_PER_LEVEL: dict[str, int] = {
    level: int(days)
    for level, days in (
        item.split("=")
        for item in env.list(
            "LOG_RETENTION_DAYS_PER_LEVEL",
            [],
            subcast=validate.Regexp(
                rf"^({'|'.join(_LEVELS)})=[1-9]\d{{0,4}}$",
                error="Write it like DEBUG=7,ERROR=365.",
            ),
        )
    )
}
# Old rows go into files under DATA_DIR/archive before they are deleted.
LOG_ARCHIVE: bool = env.bool("LOG_ARCHIVE", True)
RETRY_RETENTION_DAYS: int = env.int("RETRY_RETENTION_DAYS", 365, validate=validate.Range(min=1))
AUDIT_RETENTION_DAYS: int = env.int("AUDIT_RETENTION_DAYS", 730, validate=validate.Range(min=1))
# What people delete they can get back for so long; then it goes for good.
DELETED_DAYS: int = env.int("DELETED_DAYS", 30, validate=validate.Range(min=1))
# None: documents and page images stay.
FILE_RETENTION_DAYS: int | None = (
    env.int("FILE_RETENTION_DAYS", validate=validate.Range(min=1))
    if env.str("FILE_RETENTION_DAYS", "")
    else None
)
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"noise": {"()": "logs.noise.NoiseFilter"}},
    "handlers": {
        "database": {"class": "logs.handler.handler.DatabaseHandler", "filters": ["noise"]}
    },
    "root": {"handlers": ["database"], "level": LOG_LEVEL},
    "loggers": {name: {**options} for name, options in LOGGERS.items()},
}
for _name, _level in (pair.strip().split("=") for pair in LOG_LEVELS.split(",") if pair.strip()):
    LOGGING["loggers"].setdefault(_name, {})["level"] = _level
