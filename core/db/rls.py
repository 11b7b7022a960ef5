"""Row-level security by country on PostgreSQL: the floor under the country filter of ``core.db.scope``.

Each transaction names the countries of its actor in the setting ``app.countries``; a row of another country is neither seen
nor written, and without the setting no row is. Holds for every role but superusers and those with BYPASSRLS, the owner
included (FORCE); ``tarjuman doctor`` calls such a role wrong in production.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, text

from core.access import Country

_ALLOWED = "country = ANY (string_to_array(current_setting('app.countries', true), ','))"


def policy_ddl(table: str) -> list[str]:
    """The statements that put ``table`` under row-level security by country."""
    return [
        f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY',
        f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY',
        f'CREATE POLICY country_of_{table} ON "{table}" USING ({_ALLOWED}) WITH CHECK ({_ALLOWED})',
    ]


def drop_policy_ddl(table: str) -> list[str]:
    """The statements that undo ``policy_ddl``."""
    return [
        f'DROP POLICY country_of_{table} ON "{table}"',
        f'ALTER TABLE "{table}" NO FORCE ROW LEVEL SECURITY',
        f'ALTER TABLE "{table}" DISABLE ROW LEVEL SECURITY',
    ]


def see_countries(connection: Connection, countries: Iterable[Country] = tuple(Country)) -> None:
    """Let the rest of this transaction see ``countries``: for migrations of data, which run as the owner."""
    names = ",".join(country.value for country in countries)
    connection.execute(text("SELECT set_config('app.countries', :names, true)"), {"names": names})


def is_bypassed(connection: Connection) -> bool:
    """Whether the current role would see every row in spite of the policies."""
    query = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
    return bool(connection.execute(text(query)).scalar())
