from django.apps import AppConfig


class Config(AppConfig):
    name = "peyman.shop.stock"
    label = "stock"
    default_auto_field = "django.db.models.BigAutoField"
