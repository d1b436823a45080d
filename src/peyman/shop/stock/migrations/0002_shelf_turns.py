"""The catalogue's edition turns when a variant sells out or comes back, whoever counts; selling itself does not touch it.

On SQLite the triggers are named by the model and made after each migration; on PostgreSQL they are made here.
"""

from django.db import migrations

FUNCTION = """
CREATE OR REPLACE FUNCTION stock_turns_the_shelf() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO catalog_edition (id, number) VALUES (1, 1)
        ON CONFLICT (id) DO UPDATE SET number = catalog_edition.number + 1;
    RETURN NULL;
END $$
"""
TRIGGERS = {
    "stock_sold_out_or_back": (
        "AFTER UPDATE ON stock_stock FOR EACH ROW "
        "WHEN ((OLD.on_hand > OLD.allocated) <> (NEW.on_hand > NEW.allocated))"
    ),
    "stock_counted_first": "AFTER INSERT ON stock_stock FOR EACH ROW WHEN (NEW.on_hand > NEW.allocated)",
}


def add(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(FUNCTION)
        for name, when in TRIGGERS.items():
            schema_editor.execute(f"CREATE TRIGGER {name} {when} EXECUTE FUNCTION stock_turns_the_shelf()")


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for name in TRIGGERS:
            schema_editor.execute(f"DROP TRIGGER IF EXISTS {name} ON stock_stock")
        schema_editor.execute("DROP FUNCTION IF EXISTS stock_turns_the_shelf()")


class Migration(migrations.Migration):
    dependencies = [("stock", "0001_initial"), ("catalog", "0003_edition")]

    operations = [migrations.RunPython(add, drop)]
