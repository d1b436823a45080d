"""PostgreSQL writes words into their index at once: what waits beside the index is read by every search anew.

After an import up to 4 MB waited, which took a search 2 to 3 ms for each statement. Writing takes as long as before.
"""

from django.db import migrations


def write_at_once(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER INDEX product_by_vector SET (fastupdate = off)")
        schema_editor.execute("SELECT gin_clean_pending_list('product_by_vector')")


def write_later(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER INDEX product_by_vector RESET (fastupdate)")


class Migration(migrations.Migration):
    dependencies = [("catalog", "0007_attribute_values")]

    operations = [migrations.RunPython(write_at_once, write_later)]
