"""The WSGI application that `peyman web` serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "peyman.config.settings")

application = get_wsgi_application()
