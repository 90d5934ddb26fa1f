"""All settings of Tributary. What may be set from outside stands in the README's configuration table."""

from pathlib import Path
from urllib.parse import urlparse

from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from cdp_project import env
from cdp_project.embedded import address
from cdp_project.workspaces import docs

env.check()

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(env.text("TRIBUTARY_VAR") or BASE_DIR / "var")

# --- Security -----------------------------------------------------------------------------------
DEBUG = env.flag("DEBUG")
# Both are made at first start (files of mode 0600 under VAR_DIR) unless they are given.
SECRET_KEY = env.text("SECRET_KEY") or env.kept_secret(VAR_DIR / "secret_key")
# The first key encrypts, the others still decrypt: rotation without downtime.
CDP_ENCRYPTION_KEYS = env.words("CDP_ENCRYPTION_KEYS") or [env.kept_secret(VAR_DIR / "encryption_key")]
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
# Over plain http (the default on loopback) a secure cookie would lock everybody out.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env.flag("CDP_HTTPS")
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
    }
}

# --- The house ----------------------------------------------------------------------------------
INSTALLED_APPS = [
    "cdp_project.console.apps.ConsoleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "csp",
    "django_celery_beat",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
    "cdp_project.kernel",
    "cdp_project.workspaces",
    "events",
    "identity",
    "datamaster",
    "audiences",
    "directory",
    "connections",
    "cdp_project.console.apps.ConsoleConfig",
]
MIDDLEWARE = [
    "cdp_project.api_traffic.api_traffic",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "cdp_project.console.middleware.WorkspaceMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "cdp_project.urls"
ASGI_APPLICATION = "cdp_project.asgi.application"
# A redirect that adds a slash turns a client's POST into a GET (wire.md 1).
APPEND_SLASH = False
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
            ]
        },
    }
]

# --- Processing, told as lists ------------------------------------------------------------------
CDP_PIPELINE = [
    # Before the transaction:
    "events.steps.keep_only_history",
    # Inside it:
    "events.steps.drop_duplicates",
    "events.steps.name_feed",  # after it: a new name of the feed makes no event another
    "datamaster.steps.admit_names",
    "identity.steps.resolve_identity",
    "identity.steps.update_profile",
    "events.steps.give_ids",
    "events.steps.track_sessions",
    "connections.steps.forward",
    "events.steps.store",  # last: what forwarding withheld stands on the event's row
]
# What must happen to a person in every app: merge, unmerge, erase, export.
CDP_PERSON_HOOKS: list[str] = []

# Who tells what still waits of an input that is to be deleted.
CDP_INPUT_DELETION = ["events.inputs.waiting.in_the_inbox", "connections.deletion.of_input"]

# --- Stores -------------------------------------------------------------------------------------
# Nothing listens on port 1: commands that need a store say that it is away, the others work.
NOT_STARTED_DATABASE = "postgresql://tributary@127.0.0.1:1/tributary"
NOT_STARTED_REDIS = "redis://127.0.0.1:1/0"
DATABASE_URL = env.text("DATABASE_URL") or address.database_url(VAR_DIR) or NOT_STARTED_DATABASE
REDIS_URL = env.text("REDIS_URL") or address.redis_url(VAR_DIR) or NOT_STARTED_REDIS
DATABASES = {
    "default": {
        **env.database(DATABASE_URL),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "connect_timeout": 5,
            # A network that was cut says nothing: half a minute of silence ends the connection, and with unread
            # bytes on the way a quarter of one.
            "keepalives": 1,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 15_000,
            # Ends a statement that hangs, so that no thread waits for ever on a sick database.
            "options": "-c statement_timeout=30s -c lock_timeout=10s -c idle_in_transaction_session_timeout=60s",
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# The library's own retries would hold each request for seconds while Valkey is away.
REDIS_PATIENCE = {"socket_connect_timeout": 1, "socket_timeout": 2}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {**REDIS_PATIENCE, "retry": Retry(NoBackoff(), 0)},
    }
}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {
            "hosts": [{"address": REDIS_URL, "socket_connect_timeout": 1, "retry": AsyncRetry(NoBackoff(), 0)}],
            # Published messages pass between the numbered databases of one server; installations must not hear
            # each other.
            "prefix": f"tributary{urlparse(REDIS_URL).path.strip('/')}",
        },
    }
}

# --- Background work ----------------------------------------------------------------------------
CELERY_BROKER_URL = env.text("CELERY_BROKER_URL") or REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_SCHEDULE = {
    "make-day-partitions": {"task": "events.tasks.make_day_partitions", "schedule": 3600.0},
    "drop-old-partitions": {"task": "events.tasks.drop_old_partitions", "schedule": 3600.0},
    "forget-old-rows": {"task": "events.tasks.forget_old_rows", "schedule": 3600.0},
    "close-idle-sessions": {"task": "events.tasks.close_idle_sessions", "schedule": 60.0},
    "merge-active-people": {"task": "events.tasks.merge_active_people", "schedule": 60.0},
    "compact-counts": {"task": "events.tasks.compact_counts", "schedule": 600.0},
    "compact-verdicts": {"task": "connections.tasks.compact_counts", "schedule": 600.0},
    "open-gathered": {"task": "connections.tasks.open_gathered", "schedule": 30.0},
    "forget-old-deliveries": {"task": "connections.tasks.forget_old_deliveries", "schedule": 3600.0},
    "forget-old-runs": {"task": "cdp_project.kernel.tasks.forget_old_runs", "schedule": 3600.0},
    "forget-old-answers": {"task": "cdp_project.workspaces.tasks.forget_old_answers", "schedule": 3600.0},
    "forget-expired-tokens": {
        "task": "cdp_project.workspaces.tasks.forget_expired_tokens",
        "schedule": 3600.0,
    },
}

# --- Operation ----------------------------------------------------------------------------------
# Without a token only this machine may read /metrics.
CDP_METRICS_TOKEN = env.text("CDP_METRICS_TOKEN")
# Who reads figures from the database for it; what processes count themselves stands beside these.
CDP_MEASURES = ["events.backlog_figures.read", "connections.measures.read", "cdp_project.kernel.measures.read"]

# --- Intake -------------------------------------------------------------------------------------
CDP_LANES = env.number("CDP_LANES", 16)
# Uploads are taken in by the event loop itself; without it by Django's views, which answer the same.
CDP_FAST_LANE = env.flag("CDP_FAST_LANE", default=True)
# Requests that may wait for a commit in one web process before others are refused with 503.
CDP_INTAKE_WAITING_REQUESTS = env.number("CDP_INTAKE_WAITING_REQUESTS", 2000)
CDP_INTAKE_WAITING_BYTES = env.number("CDP_INTAKE_WAITING_BYTES", 64_000_000)
# Intake is refused with 503 while the oldest waiting batch is older than this.
CDP_BACKLOG_MAX_AGE_S = env.number("CDP_BACKLOG_MAX_AGE_S", 6 * 3600)
# Intake is refused with 503 while the disk that holds TRIBUTARY_VAR has less than this left.
CDP_DISK_FREE_LEAST_MB = env.number("CDP_DISK_FREE_LEAST_MB", 256)
CDP_EVENT_RETENTION_DAYS = env.number("CDP_EVENT_RETENTION_DAYS", 90)
# People that one input may have made a minute for MPIDs that its clients name; beyond it batches are quarantined.
CDP_CLIENT_MPIDS_PER_MINUTE = env.number("CDP_CLIENT_MPIDS_PER_MINUTE", 10_000)
# Of pages and our own API; intake's bound is its protocols'.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000

# --- Delivery -----------------------------------------------------------------------------------
# Private networks that outputs may reach: "10.1.0.0/16" or, with a port, "127.0.0.1/32:8099".
CDP_DELIVERY_ALLOW = env.words("CDP_DELIVERY_ALLOW")

# --- Console and API ----------------------------------------------------------------------------
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "/"
# With the slash in front: addresses of a workspace have a prefix, static files have none.
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
WHITENOISE_USE_FINDERS = True
# Requests that one credential may make of our own API in a minute; 0 for any number.
CDP_API_REQUESTS_PER_MINUTE = env.number("CDP_API_REQUESTS_PER_MINUTE", 1200)
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["cdp_project.workspaces.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["cdp_project.kernel.json_body.JsonBody"],
    "DEFAULT_THROTTLE_CLASSES": ["cdp_project.workspaces.request_budget.RequestBudget"],
    "DEFAULT_METADATA_CLASS": "cdp_project.workspaces.allowed_methods.AllowedMethods",
    "EXCEPTION_HANDLER": "cdp_project.kernel.errors.problem_response",
    "UNAUTHENTICATED_USER": None,
    # Always six digits: with a fraction left out where it is zero, the texts would not sort as the times do.
    "DATETIME_FORMAT": "%Y-%m-%dT%H:%M:%S.%fZ",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Tributary",
    "DESCRIPTION": docs.DESCRIPTION,
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    # Wherever it is served from.
    "SERVERS": [{"url": "/"}],
    "SERVE_INCLUDE_SCHEMA": False,
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "cdp_project.workspaces.docs.finish"],
}
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
FORMAT_MODULE_PATH = ["cdp_project.console.formats"]

# --- Logs: one JSON object a line, on standard error --------------------------------------------
CDP_LOG_LEVEL = env.text("CDP_LOG_LEVEL", "INFO")
LOGGING_CONFIG = "cdp_project.kernel.logs.configure"
LOGGING = {"level": CDP_LOG_LEVEL}
