from django.apps import AppConfig
from django.db.models.signals import post_migrate

from peyman.entrypoints.jobs import triggers


class Config(AppConfig):
    name = "peyman.entrypoints.jobs"
    label = "jobs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        post_migrate.connect(triggers.after_migration, dispatch_uid="append-only triggers")
