from django.apps import AppConfig


class Config(AppConfig):
    name = "peyman.market.tariff"
    label = "tariff"
    default_auto_field = "django.db.models.BigAutoField"
