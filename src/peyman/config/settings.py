"""Django's settings, made of the environment."""

from datetime import timedelta

import dj_database_url
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from peyman.config import env as environment
from peyman.shop.media.rules import Limits

ENV = environment.read()

SANDBOX = ENV.sandbox
DEBUG = False
SECRET_KEY = ENV.secret_key or ("sandbox-only-never-a-secret-" * 2 if SANDBOX else "")
FIELD_KEYS = ENV.field_keys or (SECRET_KEY,)
PUBLIC_URL = ENV.public_url
BANK_URL, SMS_URL, SMTP_URL = ENV.bank_url, ENV.sms_url, ENV.smtp_url
CLOCK_FILE = ENV.clock_file if SANDBOX else ""
ZARINPAL_ACCESS_TOKEN = ENV.zarinpal_token or ("sandbox-token" if SANDBOX else "")  # refunds need it
ZARINPAL_MERCHANT = ENV.zarinpal_merchant or ("00000000-0000-4000-8000-00000000da5e" if SANDBOX else "")
SAMAN_TERMINAL = ENV.saman_terminal or ("21000001" if SANDBOX else "")
# Which account transfers of refunds leave from, and above how many rials two persons stand behind one.
PAYA_SHEBA = ENV.paya_sheba or ("IR820540102680020817909002" if SANDBOX else "")
SETTLEMENT_SHEBA = ENV.settlement_sheba  # where gateways settle; empty: to that one
PAYA_NAME = ENV.paya_name or "پیمان"
TWO_PERSONS_ABOVE = ENV.two_persons_above
PRICE_LIMIT_PERCENT = ENV.price_limit_percent
GATEWAYS = list(ENV.gateways)  # in the order they are offered; empty: all that are set up
KAVENEGAR_KEY = ENV.kavenegar_key or ("sandbox-key" if SANDBOX else "")
KAVENEGAR_SENDER = ENV.kavenegar_sender or "10004346"
SMSIR_KEY, SMSIR_LINE = ENV.smsir_key, ENV.smsir_line or ("30004505000017" if SANDBOX else "")
# Who sends SMS, in the order they are asked. Kavenegar is there without a key, too: what waits for it is not lost.
SMS_PROVIDERS = list(ENV.sms_providers) or ["kavenegar", *(["smsir"] if SMSIR_KEY else [])]
if not set(SMS_PROVIDERS) <= {"kavenegar", "smsir"}:
    raise ImproperlyConfigured("PEYMAN_SMS_PROVIDERS names kavenegar, smsir or both, by comma.")
PHONES = list(ENV.phones)
DATA_DIR = ENV.data
REGISTRY_URL = ENV.registry_url
REGISTRY_EVERY = timedelta(hours=min(max(ENV.registry_hours, 0.25), 168))
REGISTRY_DEADLINE = 120.0  # seconds of one fetch, whatever the other side does
REGISTRANTS = list(ENV.registrants)
AUDIT_LOGS = list(ENV.audit_logs)
AUDIT_FORMAT = ENV.audit_format
AUDIT_HOUR = min(max(ENV.audit_hour, 0), 23)
AUDIT_OPTIONS = ENV.audit_options
ADMISSION_HOLD_DAYS, ADMISSION_LIST_HOURS = ENV.admission_hold_days, ENV.admission_list_hours
DRIFT_HOLD_HOURS, DRIFT_HOLD_SNAPSHOTS = ENV.drift_hold_hours, ENV.drift_hold_snapshots
DNS_SAMPLE_DAYS = ENV.dns_sample_days
IRAN_RANGES = ENV.iran_ranges
GUARD_RELIGHT = timedelta(minutes=max(ENV.guard_relight_minutes, 0))
GUARD_SHOWING = timedelta(minutes=min(max(ENV.guard_showing_minutes, 1), 60))
GUARD_LOOK = 1.0  # seconds for which a process goes by the view that it has, before it asks whether anything moved
ALARM_ROLE = "manager"  # the role whose members are told of broken promises
MAIL_FROM = ENV.mail_from or f"info@{environment.host_of(PUBLIC_URL)}"

HTTPS = PUBLIC_URL.startswith("https://")
OTHER_HOSTS = [host for host in ENV.other_hosts if host != environment.host_of(PUBLIC_URL)]
ALLOWED_HOSTS = [
    environment.host_of(PUBLIC_URL),
    *OTHER_HOSTS,
    *(["127.0.0.1", "localhost", "testserver"] if SANDBOX else []),
]
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
ROOT_URLCONF = "peyman.config.urls"
WSGI_APPLICATION = "peyman.config.wsgi.application"
AUTH_USER_MODEL = "people.Person"

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "csp",
    "django_htmx",
    "peyman.people",
    "peyman.promises",
    "peyman.messages",
    "peyman.billing",
    "peyman.shop.catalog",
    "peyman.shop.stock",
    "peyman.shop.media",
    "peyman.shop.finding",
    "peyman.shop.offers",
    "peyman.shop.licences",
    "peyman.shop.carts",
    "peyman.shop.orders",
    "peyman.shop.shipping",
    "peyman.market.tariff",
    "peyman.market.incidents",
    "peyman.market.guard",
    "peyman.entrypoints.storefront",
    "peyman.entrypoints.backoffice",
    "peyman.entrypoints.jobs",
]

MIDDLEWARE = [
    "peyman.entrypoints.canonical.canonical",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "peyman.entrypoints.storefront.media.serve",
    "peyman.entrypoints.api.envelope.envelope",
    "django.middleware.gzip.GZipMiddleware",
    "peyman.entrypoints.middleware.door",
    "peyman.entrypoints.policy.policy",
    "peyman.entrypoints.storefront.reading.reading",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "peyman.entrypoints.implied.implied",
    "django_htmx.middleware.HtmxMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "peyman.entrypoints.storefront.context.frame",
            ],
            "builtins": ["peyman.entrypoints.storefront.templatetags.fa"],
        },
    }
]

SQLITE_PAGES = 4_000_000  # bytes of the file that each thread's connection may hold; the system holds all of it for all

DATABASES = {"default": dj_database_url.parse(ENV.database_url, conn_max_age=600, conn_health_checks=True)}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = False
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
            f"PRAGMA cache_size=-{SQLITE_PAGES // 1000}; PRAGMA temp_store=MEMORY;"
        ),
    }
elif DATABASES["default"]["ENGINE"] != "django.db.backends.postgresql":
    raise ImproperlyConfigured("DATABASE_URL must name sqlite or postgres.")

CACHES = {
    # Limits and locks: shared by every process.
    "default": (
        {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": ENV.cache_url}
        if ENV.cache_url
        else {
            "BACKEND": "django.core.cache.backends.db.DatabaseCache",
            "LOCATION": "shared_cache",
            # Room enough that nobody pushes out the count of their own tries by making many others.
            "OPTIONS": {"MAX_ENTRIES": 20_000},
        }
    ),
    # Rendered parts, under the version of what they show: stale ones are never asked for.
    "parts": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "parts",
        "TIMEOUT": 3600,
        "OPTIONS": {"MAX_ENTRIES": 20000},
    },
}

KEPT_PAGES = 64_000_000  # bytes of rendered pages that a process keeps, at most
KEPT_LISTS = 24_000_000  # bytes of composed lists

AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
CSRF_FAILURE_VIEW = "peyman.entrypoints.storefront.errors.stale_form"
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "peyman.entrypoints.storefront.accounts.Adapter"
ACCOUNT_LOGIN_METHODS = {"phone"}
ACCOUNT_SIGNUP_FIELDS = ["phone*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_RATE_LIMITS = {"try_login_code": "10/5m/key"}  # the key is the number; codes sent: people.rules.CODE_LIMITS
# Calls a minute: log-in steps and other calls of everybody at one address (a carrier's customers share a few, and in
# the sandbox everybody has the same one), of one person, and with tokens that are none.
CALL_LIMITS = (
    {"login": 3000, "anonymous": 60_000, "person": 6000, "wrong_token": 6000}
    if SANDBOX
    else {"login": 120, "anonymous": 1200, "person": 600, "wrong_token": 120}
)
# Who reads the catalogue (D19): lists of addresses that well-known crawlers publish, and how far the limits are
# stretched (in the sandbox everybody has the same address).
CRAWLERS = list(ENV.crawlers)
READING_FACTOR = 1000.0 if SANDBOX else min(max(ENV.reading_factor, 0.1), 100.0)
ALLAUTH_TRUSTED_PROXY_COUNT = ENV.proxies
MFA_ADAPTER = "peyman.entrypoints.second_factor.Adapter"
MFA_FORMS = {"authenticate": "peyman.entrypoints.second_factor.Form"}
MFA_SUPPORTED_TYPES = ["totp"]
MFA_TOTP_TOLERANCE = 1

SESSION_COOKIE_AGE = 60 * 60 * 24 * 30
SESSION_COOKIE_NAME = "__Host-session" if HTTPS else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else "csrf"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31536000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "strict-origin-when-cross-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 300

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "style-src": [SELF],
        "font-src": [SELF],
        "script-src": [SELF],
        "img-src": [SELF, "data:"],
        "media-src": [SELF],
        "connect-src": [SELF],
        # A form that pays is answered by a redirect to the bank, and Chromium holds redirects to this as well.
        "form-action": [
            SELF,
            *([BANK_URL] if BANK_URL else ["https://payment.zarinpal.com", "https://sep.shaparak.ir"]),
        ],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }
}

LANGUAGE_CODE = "fa"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"  # tables and sums; pages ask Tehran for the day
LANGUAGES = [("fa", "فارسی")]

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
MEDIA_ROOT = DATA_DIR / "media"
MEDIA_LIMITS = Limits(
    picture_bytes=ENV.media_picture_mb * 1_000_000,
    picture_pixels=min(ENV.media_megapixels, 40) * 1_000_000,  # what the decoder's memory is measured for
    video_bytes=ENV.media_video_mb * 1_000_000,
    video_seconds=ENV.media_video_seconds,
)
MEDIA_KEEP = timedelta(days=max(ENV.media_keep_days, 1))
IMPORT_KEEP = timedelta(days=max(ENV.import_keep_days, 1))
# Bytes of files in one request, while they stream in: of whoever is no colleague, of colleagues, of pictures of goods.
UPLOAD_LIMITS = {
    "anyone": 1_000_000,
    "staff": 64_000_000,
    "media": 4 * max(MEDIA_LIMITS.video_bytes, 5 * MEDIA_LIMITS.picture_bytes),
}
FILE_UPLOAD_HANDLERS = [
    "peyman.entrypoints.uploads.Measured",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LOGGING_CONFIG = "peyman.config.logs.configure"
LOGGING: dict[str, object] = {"version": 1}
