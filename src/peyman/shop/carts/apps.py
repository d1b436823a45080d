from django.apps import AppConfig


class Config(AppConfig):
    name = "peyman.shop.carts"
    label = "carts"
    default_auto_field = "django.db.models.BigAutoField"
