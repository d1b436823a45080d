"""An index for words inside words, where PostgreSQL offers one.

Without the extension, or without the right to create it, search reads the table: slower in a big catalogue, the same
answers.
"""

from django.db import ProgrammingError, migrations, transaction

INDEX = "CREATE INDEX IF NOT EXISTS product_by_trigram ON catalog_product USING gin (search_joined gin_trgm_ops)"


def add_index(apps, schema_editor):
    connection = schema_editor.connection
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm'")
        if cursor.fetchone() is None:
            return
        try:
            with transaction.atomic(using=connection.alias):
                cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
                cursor.execute(INDEX)
        except ProgrammingError:  # no right to create it
            return


def drop_index(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        with schema_editor.connection.cursor() as cursor:
            cursor.execute("DROP INDEX IF EXISTS product_by_trigram")


class Migration(migrations.Migration):
    dependencies = [("catalog", "0001_initial")]

    operations = [migrations.RunPython(add_index, drop_index)]
