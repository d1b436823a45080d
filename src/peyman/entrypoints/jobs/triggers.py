"""The database itself refuses to change what may only be added to.

Every model with `append_only = True` gets triggers that refuse UPDATE and DELETE (and TRUNCATE, where there is one)
with an IntegrityError, whoever asks. One with `change_refused`, a condition on OLD and NEW in portable SQL, gets
triggers that refuse such an UPDATE and every DELETE. They are made anew after each migration, since altering a table on
SQLite silently drops them; `web` and `worker` do not start without them. So is what a model names in `sqlite_triggers`,
by which an index of SQLite follows its table.
"""

from django.apps import apps
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

_FUNCTION = """
CREATE OR REPLACE FUNCTION peyman_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'append only: %', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$
"""


def tables() -> list[str]:
    """Name the tables whose rows are never changed, in order."""
    return sorted(table for table, refused in _guarded().items() if not refused)


def _guarded() -> dict[str, str]:
    """Table → which UPDATE is refused there; "": every one."""
    guarded = {}
    for model in apps.get_models():
        if getattr(model, "append_only", False):
            guarded[model._meta.db_table] = ""
        elif refused := getattr(model, "change_refused", ""):
            guarded[model._meta.db_table] = refused
    return guarded


def _wanted() -> dict[tuple[str, str], str]:
    """(table, name of the trigger) → the statement that makes it, on this database."""
    quote = connection.ops.quote_name
    wanted = {}
    for table, refused in sorted(_guarded().items()):
        if connection.vendor == "sqlite":
            for verb in ("update", "delete"):
                name = f"append_only_{table}_{verb}"
                when = f"WHEN {refused} " if refused and verb == "update" else ""
                wanted[table, name] = (
                    f"CREATE TRIGGER {quote(name)} BEFORE {verb.upper()} ON {quote(table)} {when}"
                    f"BEGIN SELECT RAISE(ABORT, 'append only: {table}'); END"
                )
        else:
            call = "EXECUTE FUNCTION peyman_append_only()"
            verbs = "DELETE" if refused else "UPDATE OR DELETE"
            wanted[table, "append_only_rows"] = (
                f"CREATE TRIGGER append_only_rows BEFORE {verbs} ON {quote(table)} FOR EACH ROW {call}"
            )
            if refused:
                wanted[table, "append_only_columns"] = (
                    f"CREATE TRIGGER append_only_columns BEFORE UPDATE ON {quote(table)} "
                    f"FOR EACH ROW WHEN ({refused}) {call}"
                )
            wanted[table, "append_only_table"] = (
                f"CREATE TRIGGER append_only_table BEFORE TRUNCATE ON {quote(table)} FOR EACH STATEMENT {call}"
            )
    return wanted


def _following() -> dict[tuple[str, str], str]:
    """(table, name of the trigger) → the statement that makes it; these stay when the others are removed."""
    if connection.vendor != "sqlite":
        return {}
    quote = connection.ops.quote_name
    return {
        (model._meta.db_table, name): f"CREATE TRIGGER {quote(name)} {body}"
        for model in apps.get_models()
        for name, body in getattr(model, "sqlite_triggers", {}).items()
    }


def _present() -> set[tuple[str, str]]:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT tbl_name, name, sql FROM sqlite_master WHERE type = 'trigger'")
            wanted = _wanted() | _following()
            return {(table, name) for table, name, sql in cursor.fetchall() if wanted.get((table, name)) == sql}
        cursor.execute(
            "SELECT c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
            "WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND pg_table_is_visible(c.oid)"
        )
        return set(cursor.fetchall())


def missing() -> list[str]:
    """Name the tables whose triggers are not there, or not all of them; one query."""
    present = _present()
    return sorted({table for table, name in _wanted() | _following() if (table, name) not in present})


def install() -> None:
    """Make the triggers of all tables that exist. Running it again changes nothing."""
    with transaction.atomic(), connection.cursor() as cursor:
        existing = set(connection.introspection.table_names(cursor))
        if connection.vendor != "sqlite":
            cursor.execute(_FUNCTION)
        _drop(cursor, existing)
        present = _present()
        following = {key: statement for key, statement in _following().items() if key not in present}
        for (table, _), statement in (_wanted() | following).items():
            if table in existing:
                cursor.execute(statement)


def remove() -> None:
    """Take the triggers away: for tests that empty tables, and for a migration that must rewrite one."""
    with transaction.atomic(), connection.cursor() as cursor:
        _drop(cursor, set(connection.introspection.table_names(cursor)))


def _drop(cursor: CursorWrapper, existing: set[str]) -> None:
    quote = connection.ops.quote_name
    for table, name in _wanted():
        if table in existing:
            on = "" if connection.vendor == "sqlite" else f" ON {quote(table)}"
            cursor.execute(f"DROP TRIGGER IF EXISTS {quote(name)}{on}")


def after_migration(**_: object) -> None:
    """Make the triggers whole again; a receiver of `post_migrate`."""
    if missing():
        install()
