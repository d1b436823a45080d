from django.apps import AppConfig


class Config(AppConfig):
    name = "peyman.shop.offers"
    label = "offers"
    default_auto_field = "django.db.models.BigAutoField"
