from django.apps import AppConfig


class Config(AppConfig):
    name = "peyman.promises"
    label = "promises"
    default_auto_field = "django.db.models.BigAutoField"
