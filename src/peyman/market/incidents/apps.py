from django.apps import AppConfig


class Config(AppConfig):
    name = "peyman.market.incidents"
    label = "incidents"
    default_auto_field = "django.db.models.BigAutoField"
