from django.apps import AppConfig


class Config(AppConfig):
    name = "peyman.shop.shipping"
    label = "shipping"
    default_auto_field = "django.db.models.BigAutoField"
