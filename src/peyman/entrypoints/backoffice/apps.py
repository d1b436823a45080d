from django.apps import AppConfig


class Config(AppConfig):
    name = "peyman.entrypoints.backoffice"
    label = "backoffice"
    default_auto_field = "django.db.models.BigAutoField"
