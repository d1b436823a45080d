from django.apps import AppConfig


class Config(AppConfig):
    name = "peyman.entrypoints.storefront"
    label = "storefront"
    default_auto_field = "django.db.models.BigAutoField"
