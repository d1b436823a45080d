from django.apps import AppConfig


class Config(AppConfig):
    name = "peyman.entrypoints.jobs"
    label = "jobs"
    default_auto_field = "django.db.models.BigAutoField"
