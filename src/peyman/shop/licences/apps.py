from django.apps import AppConfig


class Config(AppConfig):
    name = "peyman.shop.licences"
    label = "licences"
    default_auto_field = "django.db.models.BigAutoField"
