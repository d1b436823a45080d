from django.apps import AppConfig


class Config(AppConfig):
    name = "peyman.messages"
    label = "messages"
    default_auto_field = "django.db.models.BigAutoField"
