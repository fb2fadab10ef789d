"""Settings, all from the environment; everything the orchestrator keeps is in one data folder.

AL_DATA           data folder (./data): db.sqlite3, secret_key, sealing_key, media/
AL_HOST, AL_PORT  where `analyticlens up` listens (127.0.0.1, 8000)
AL_ALLOWED_HOSTS  names this server answers to, with commas (localhost, 127.0.0.1, [::1])
AL_HTTPS          1 behind a proxy that does TLS and sets X-Forwarded-Proto: cookies and headers become strict (0)
AL_TRUSTED_PROXIES  addresses or networks of the proxies whose X-Forwarded headers are believed then, with commas (127.0.0.0/8, ::1)
AL_TLS_CERT, AL_TLS_KEY  certificate and key this server speaks TLS with by itself (none)
AL_TLS_AUTHORITY  certificate of the authority that signed it, where it is not one that computers know (none)
AL_DEBUG          1 shows tracebacks to whoever asks: never in production (0)
AL_TRUSTED_ORIGINS  addresses of a proxy people come through, with commas, such as https://vision.plant.local (none)
AL_REQUIRE_SECOND_STEP  roles that have to set up two-step sign-in, with commas, such as admin,engineer (none)
AL_LANGUAGE       pt-br or en, before a person chooses (pt-br)
AL_TIME_ZONE      the plant's time zone (America/Sao_Paulo)
AL_LOG_LEVEL      DEBUG, INFO, WARNING or ERROR (INFO)
DATABASE_URL      a PostgreSQL instead of SQLite in the data folder: postgres://user:password@host:5432/name
AL_OIDC_*         an OpenID Connect provider people may sign in with (`config.sso`, docs/orchestrator.md)
AL_HEARTBEAT_DAYS how long heartbeats are kept (30)
"""

from __future__ import annotations

import base64
import os
import zoneinfo
from datetime import timedelta
from pathlib import Path

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from config import env
from config.database import databases
from config.logs import logging_config
from config.secret import make, read_or_make
from config.sso import single_sign_on

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(env.text("AL_DATA", "data")).expanduser().resolve()
DATA.mkdir(parents=True, exist_ok=True, mode=0o700)

HOST = env.text("AL_HOST", "127.0.0.1")
PORT = env.number("AL_PORT", 8000, 1, 65535)
DEBUG = env.flag("AL_DEBUG", False)
BEHIND_PROXY = env.flag("AL_HTTPS", False)
TRUSTED_PROXIES = env.networks("AL_TRUSTED_PROXIES", "127.0.0.0/8,::1")
TLS_CERT, TLS_KEY = env.text("AL_TLS_CERT", ""), env.text("AL_TLS_KEY", "")
TLS_AUTHORITY = env.text("AL_TLS_AUTHORITY", "")
if not TLS_CERT and (DATA / "tls" / "serving").exists():
    # `analyticlens up --tls` serves this folder: every command on it speaks of the same certificates.
    TLS_CERT, TLS_KEY, TLS_AUTHORITY = (
        str(DATA / "tls" / name) for name in ("server.pem", "server.key", "authority.pem")
    )
HTTPS = BEHIND_PROXY or bool(TLS_CERT)
# Where machines find this server, unless somebody says otherwise.
ADDRESS = f"{'https' if HTTPS else 'http'}://{HOST}:{PORT}"
HEARTBEAT_DAYS = env.number("AL_HEARTBEAT_DAYS", 30, 1, 3650)

SECRET_KEY = read_or_make(DATA / "secret_key")
# Whoever moves the database without this file moves no secret of machines or people.
SEALING_KEY = DATA / "sealing_key"
make(SEALING_KEY, base64.urlsafe_b64encode(os.urandom(32)).decode())
ALLOWED_HOSTS = env.words("AL_ALLOWED_HOSTS", f"localhost,127.0.0.1,[::1],{HOST}")

INSTALLED_APPS = [
    "config.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "csp",
    # DRF and django-filter serve no pages here; as apps they would bring translations that overrule Django's own.
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "config",
    "auditlog",
    "axes",
    # Of django-otp the rows of its two kinds of codes; what asks for them is ours (`user.second_step`).
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    # Below first: a room may import those above it in this list.
    "audit",
    "user",
    "api",
    "recipes",
    "results",
    "edge",
    "dashboard",
]

MIDDLEWARE = [
    "config.proxies.ProxyMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "config.nul.NulMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "user.middleware.TokenMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "audit.middleware.ActorMiddleware",
    "config.access.AccessMiddleware",
    "config.once.OnceMiddleware",
    "axes.middleware.AxesMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "user.User"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = databases(DATA, env.text("DATABASE_URL"))

# In this process' memory: live pictures and who looks at them, two entries a machine.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 20_000}}}

PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
SSO = single_sign_on()
if SSO is not None:
    # Signs nobody in by a password; it finds the people of sessions that the provider's word began.
    AUTHENTICATION_BACKENDS.append("user.sso.ProviderBackend")
AXES_HANDLER = "user.throttle.Handler"
AXES_CLIENT_IP_CALLABLE = "user.throttle.address"
AXES_USERNAME_CALLABLE = "user.throttle.name"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_CALLABLE = "dashboard.preferences.wait"
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
# What was typed is kept with each failure, these aside; passwords always are.
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "code"]
OTP_TOTP_ISSUER = "AnalyticLens"
REQUIRE_SECOND_STEP = env.words("AL_REQUIRE_SECOND_STEP")
if unknown := set(REQUIRE_SECOND_STEP) - {"viewer", "operator", "engineer", "quality", "admin"}:
    raise ImproperlyConfigured(
        f"AL_REQUIRE_SECOND_STEP names {', '.join(sorted(unknown))}; roles are viewer, operator, engineer, quality and admin"
    )
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"

LANGUAGES = [("pt-br", _("Brazilian Portuguese")), ("en", _("English"))]
LANGUAGE_CODE = env.text("AL_LANGUAGE", "pt-br").lower()
if LANGUAGE_CODE not in dict(LANGUAGES):
    raise ImproperlyConfigured(f"AL_LANGUAGE is {LANGUAGE_CODE!r}; say pt-br or en")
# One catalogue for all rooms: `analyticlens manage translations` keeps it.
LOCALE_PATHS = [ROOT / "dashboard" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = env.text("AL_TIME_ZONE", "America/Sao_Paulo")
if TIME_ZONE not in zoneinfo.available_timezones():
    raise ImproperlyConfigured(
        f"AL_TIME_ZONE is {TIME_ZONE!r}, which is no time zone; say one such as America/Sao_Paulo"
    )

STATIC_URL = "static/"
MEDIA_ROOT = DATA / "media"
# Found in the apps themselves: there is no collecting step to forget.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

SESSION_COOKIE_NAME = "__Host-al_session" if HTTPS else "al_session"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = HTTPS
SESSION_COOKIE_AGE = 12 * 60 * 60
CSRF_COOKIE_NAME = "__Host-al_csrf" if HTTPS else "al_csrf"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SECURE = HTTPS
CSRF_TRUSTED_ORIGINS = env.words("AL_TRUSTED_ORIGINS")
LANGUAGE_COOKIE_NAME = "al_language"
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_AGE = 365 * 24 * 60 * 60

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
# Believed only where the operator says that such a proxy stands before us, and of that proxy alone (`config.proxies`).
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
# Not with an authority of our own: a browser would then refuse whatever else this computer serves under its names.
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60 if HTTPS and not TLS_AUTHORITY else 0
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "blob:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

# The batch door takes up to 500 records; pictures stream past this limit in their own view.
DATA_UPLOAD_MAX_MEMORY_SIZE = 20 * 1024 * 1024

AUDITLOG_LOGENTRY_MODEL = "audit.AuditEntry"
AUDITLOG_STORE_JSON_CHANGES = True
AUDITLOG_MASK_CALLABLE = "audit.models.masked"

# Who may ask what stands in `config.access`; sessions also prove that the page is ours.
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["config.rest.StrictJson"],
    "DEFAULT_PAGINATION_CLASS": "config.rest.Keyset",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "config.rest.answer_of",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "AnalyticLens",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "StatusEnum": "api.models.choices.STATUSES",
        "ConnectionEnum": "api.models.choices.CONNECTION_STATUSES",
        "ModeEnum": "api.models.choices.MODES",
        "ApplyStateEnum": "api.models.choices.APPLY_STATES",
        "CommandStateEnum": "api.models.choices.COMMAND_STATES",
    },
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "config.rest_schema.complete",
    ],
}

LOG_LEVEL = env.text("AL_LOG_LEVEL", "INFO").upper()
if LOG_LEVEL not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
    raise ImproperlyConfigured(f"AL_LOG_LEVEL is {LOG_LEVEL!r}; say DEBUG, INFO, WARNING or ERROR")
LOGGING = logging_config(LOG_LEVEL)
