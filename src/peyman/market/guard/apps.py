from django.apps import AppConfig


class Config(AppConfig):
    name = "peyman.market.guard"
    label = "guard"
    default_auto_field = "django.db.models.BigAutoField"
