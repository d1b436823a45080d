from django.apps import AppConfig


class Config(AppConfig):
    name = "peyman.billing"
    label = "billing"
    default_auto_field = "django.db.models.BigAutoField"
