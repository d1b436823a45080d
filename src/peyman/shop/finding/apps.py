from django.apps import AppConfig


class Config(AppConfig):
    name = "peyman.shop.finding"
    label = "finding"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Hand our words to the search of the catalogue, which stands below and cannot ask for them."""
        from peyman.shop.catalog.queries import search  # noqa: PLC0415 - models are there only now
        from peyman.shop.finding import queries  # noqa: PLC0415

        search.Staff.read = staticmethod(queries.sets_in_force)
