"""All settings. The environment is read here, once, and nowhere else."""

from __future__ import annotations

from pathlib import Path

from django.utils.translation import gettext_lazy as _

from chat.limits import table
from webchat.environment import Environment
from webchat.redaction import never_log

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"
VERSION = "0.1.0"

env = Environment()

DEBUG = env.flag("DEBUG", default=False)
DATABASE_URL = env.text("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'webchat.sqlite3'}")
REDIS_URL = env.redis_url("REDIS_URL")
SECRET_KEY = env.secret_key(database_url=DATABASE_URL, file=VAR_DIR / "secret-key")
ALLOWED_HOSTS = env.names("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
# Full origins (scheme, host, port) that may open a socket or post a form. Empty: the page's own.
ALLOWED_ORIGINS = env.origins("ALLOWED_ORIGINS")
CSRF_TRUSTED_ORIGINS = ALLOWED_ORIGINS

INSTALLED_APPS = [
    "daphne",
    "channels",
    "chat",
    "messaging",
    "webchat",
    "webchat.staff.StaffConfig",  # django.contrib.admin
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "webchat.middleware.measured",
    "webchat.middleware.headers_on_every_answer",
    "webchat.middleware.json_errors",
    "webchat.middleware.health_by_address",
    "django.middleware.security.SecurityMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "chat.http.middleware.PersonLanguageMiddleware",
    "chat.http.middleware.AtOnceMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "webchat.urls"
ASGI_APPLICATION = "webchat.asgi.application"
AUTH_USER_MODEL = "chat.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign-in"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {"default": env.database(DATABASE_URL)}

CACHES = {"default": env.cache(REDIS_URL)}

CHANNEL_LAYERS = {"default": env.channel_layer(REDIS_URL)}

AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("username", "display_name", "email")},
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("ru", _("Russian"))]
LOCALE_PATHS = [BASE_DIR / "chat" / "locale"]
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = Path(env.text("STATIC_ROOT", default=str(VAR_DIR / "static")))
# Collected files carry their hash in the name; before `collectstatic` they come from the apps.
STATIC_IS_COLLECTED = not DEBUG and (STATIC_ROOT / "staticfiles.json").exists()
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "webchat.static.HashedStaticStorage"
        if STATIC_IS_COLLECTED or env.flag("COLLECTING_STATIC", default=False)
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
# What is sent compressed is sent without comments and indentation.
SERVESTATIC_MINIFY = True
# Nobody but our own pages needs them.
SERVESTATIC_ALLOW_ALL_ORIGINS = False
SERVESTATIC_USE_FINDERS = SERVESTATIC_AUTOREFRESH = not STATIC_IS_COLLECTED

# Proxies whose word about a client's address and scheme counts (webchat.proxies); no other does.
TRUSTED_PROXIES = env.proxies("TRUSTED_PROXIES")
# Who may read /metrics, by address; to others there is no such page.
METRICS_ALLOW = env.networks("METRICS_ALLOW", default="127.0.0.0/8,::1")
# Where every allowed origin is https, cookies go over TLS only, and their names say so: a browser
# takes a `__Host-` cookie from this very host alone, not from its neighbours under the domain.
BEHIND_TLS = bool(ALLOWED_ORIGINS) and all(o.startswith("https://") for o in ALLOWED_ORIGINS)
COOKIE_PREFIX = "__Host-" if BEHIND_TLS else ""
SESSION_COOKIE_NAME = f"{COOKIE_PREFIX}sessionid"
CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}csrftoken"
LANGUAGE_COOKIE_NAME = f"{COOKIE_PREFIX}django_language"
THEME_COOKIE_NAME = f"{COOKIE_PREFIX}theme"
KNOWN_COOKIE_NAME = f"{COOKIE_PREFIX}known"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_TLS
SECURE_HSTS_SECONDS = 31_536_000 if BEHIND_TLS else 0
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
# In the session: no cookie of its own.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
CSRF_FAILURE_VIEW = "chat.http.json.refuse_csrf"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# An HTTP connection: seconds for a request's head and between two requests; for bodies and answers
# seconds to begin with, the least bytes a second, and the most seconds of all (webchat.daphne).
CONNECTION_HEAD_SECONDS = env.whole_number("CONNECTION_HEAD_SECONDS", default=15, minimum=1)
CONNECTION_IDLE_SECONDS = env.whole_number("CONNECTION_IDLE_SECONDS", default=75, minimum=1)
CONNECTION_GRACE_SECONDS = env.whole_number("CONNECTION_GRACE_SECONDS", default=20, minimum=1)
CONNECTION_MIN_PACE = env.whole_number("CONNECTION_MIN_PACE", default=1024, minimum=1)
CONNECTION_LONGEST_SECONDS = env.whole_number("CONNECTION_LONGEST_SECONDS", default=1800, minimum=1)
# Connections that one address may have; 0: only never more than half of all that there can be.
LIMIT_CONNECTIONS_PER_ADDRESS = env.whole_number("LIMIT_CONNECTIONS_PER_ADDRESS", default=500)

# What processes of ours get that draw pictures (chat/pictures/process.py).
PYTHON_ENVIRONMENT = env.of_python()

# How long commands wait at their start for PostgreSQL, and for Kafka.
WAIT_FOR_SERVICES_SECONDS = env.whole_number("WAIT_FOR_SERVICES_SECONDS", default=60)

# The bus.
KAFKA = env.kafka()
MESSAGE_BUS = env.message_bus()
# The package in which the topics' schemas are: messaging knows no topic by itself.
TOPIC_SCHEMAS = "chat.events.schemas"
# False: web processes leave the outbox to `manage.py run_outbox_relay` (with Kafka only).
RELAY_IN_WEB = env.flag("RELAY_IN_WEB", default=True)

# LIMIT_…: how much one may make or ask for. All of them are in the table of limits.
globals().update(env.limits(table.TABLE))

# Webhooks: to whom they may go, when a failing one is switched off, how long their log is kept.
WEBHOOK_ALLOW_PRIVATE = env.flag("WEBHOOK_ALLOW_PRIVATE", default=False)
WEBHOOK_ALLOW_HTTP = env.flag("WEBHOOK_ALLOW_HTTP", default=False)
WEBHOOK_SWITCH_OFF_HOURS = env.whole_number("WEBHOOK_SWITCH_OFF_HOURS", default=24, minimum=1)
WEBHOOK_LOG_DAYS = env.whole_number("WEBHOOK_LOG_DAYS", default=30, minimum=1)

# How many days rows are kept that `manage.py prune` removes. Handled events keep an event from
# having its effect twice: they must outlive the records of the topics.
KEPT_DAYS = {
    "activity_minutes": 7,
    "activity_hours": 365,
    "figures": 31,  # the longest chart shows 30 days
    "handled_events": 30,
    "outbox": 30,
    "dead_letters": 90,
    "uploads": 1,
    "stray_files": 1,
    "notifications": 90,
    "reports": 365,
}

DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

# Uploads: never below a public address, handed out by chat.http.pages.attachments alone.
MEDIA_ROOT = env.text("MEDIA_ROOT", default=str(VAR_DIR / "media"))
UPLOAD_MAX_MEGABYTES = env.limit(table.UPLOAD_MEGABYTES)
# The largest request of all: an upload and the form around it.
MAX_BODY_BYTES = UPLOAD_MAX_MEGABYTES * 1_000_000 + 64 * 1024

never_log(SECRET_KEY, *env.passwords())
LOGGING = env.logging(debug=DEBUG)
