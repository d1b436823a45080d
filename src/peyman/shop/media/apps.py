from django.apps import AppConfig


class Config(AppConfig):
    name = "peyman.shop.media"
    label = "media"
    default_auto_field = "django.db.models.BigAutoField"
