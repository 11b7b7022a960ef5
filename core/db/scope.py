"""The country filter: every ORM statement of a session is narrowed to the countries of its actor.

Not an access policy (those live in ``signaling.policy``): it is the floor under all of them, and on PostgreSQL row-level
security (``core.db.rls``) is the floor under this one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import cache
from typing import Any, cast

from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError, PendingRollbackError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import (
    LoaderCriteriaOption,
    Mapper,
    ORMExecuteState,
    Session,
    SessionTransaction,
    UOWTransaction,
    with_loader_criteria,
)
from sqlalchemy.orm.attributes import get_history
from sqlalchemy.sql import visitors
from sqlalchemy.sql.schema import Column, Table

from core.access import Actor, Country
from core.db.base import Base, CountryScoped
from core.errors import Forbidden

_ACTOR = "actor"
_SET = "SELECT set_config('app.countries', :names, true)"


class ScopedSession(Session):
    """A session that works for one actor, named in ``info``; without an actor every use of it raises ``RuntimeError``."""


def session_info(actor: Actor) -> dict[str, Any]:
    """What ``ScopedSession`` must be given as ``info``."""
    return {_ACTOR: actor}


def countries_of(session: Session) -> list[str]:
    """The countries that the actor of ``session`` may touch, sorted."""
    actor = session.info.get(_ACTOR)
    if not isinstance(actor, Actor):
        raise RuntimeError("a database session was used without an actor")
    return sorted(country.value for country in actor.countries)


@asynccontextmanager
async def widened(session: AsyncSession, dialect: str) -> AsyncIterator[None]:
    """Let the statements of the block see the rows of every country; what is pending is written before, under the old scope.

    The way back is part of it on PostgreSQL, where the transaction carries the countries.
    """
    await session.flush()
    info = session.sync_session.info
    narrow: Actor = info[_ACTOR]
    everywhere = Actor.system()
    if narrow.countries == everywhere.countries:
        yield
        return
    info[_ACTOR] = everywhere
    try:
        await _name_countries(session, dialect, everywhere.countries)
        yield
    except BaseException:
        info[_ACTOR] = narrow
        with suppress(DBAPIError, PendingRollbackError):  # then the transaction is lost, and its setting with it
            await _name_countries(session, dialect, narrow.countries)
        raise
    info[_ACTOR] = narrow
    await _name_countries(session, dialect, narrow.countries)


async def _name_countries(session: AsyncSession, dialect: str, countries: Iterable[Country]) -> None:
    if dialect == "postgresql":
        await session.execute(text(_SET), {"names": ",".join(sorted(country.value for country in countries))})


@event.listens_for(ScopedSession, "after_begin")
def _announce(session: Session, _transaction: SessionTransaction, connection: Connection) -> None:
    countries = ",".join(countries_of(session))
    if connection.dialect.name != "postgresql":
        return
    connection.exec_driver_sql("SELECT set_config('app.countries', %s, true)", (countries,))


@event.listens_for(ScopedSession, "do_orm_execute")
def _filter(state: ORMExecuteState) -> None:
    countries = countries_of(state.session)
    if state.is_orm_statement:
        if state.is_insert or state.is_update:
            _check_written(state, countries)
        if not state.is_insert:
            state.statement = cast(Any, state.statement).options(_narrowed(tuple(countries)))
        return
    for table in _tables(state.statement):
        if table in scoped_tables():
            raise RuntimeError(f"a statement on {table.name} bypasses the country filter; write it with the ORM class")


@event.listens_for(ScopedSession, "before_flush")
def _check_flush(session: Session, _context: UOWTransaction, _instances: object) -> None:
    countries = countries_of(session)
    for instance in [*session.new, *session.dirty, *session.deleted]:
        if isinstance(instance, CountryScoped):
            before = get_history(instance, "country").deleted or ()
            _refuse([instance.country, *before], countries)


@cache
def _narrowed(countries: tuple[str, ...]) -> LoaderCriteriaOption:
    """The condition on every class of a country, made once for each set of countries: statements are many."""
    if len(countries) == 1:
        only = countries[0]
        return with_loader_criteria(CountryScoped, lambda cls: cls.country == only, include_aliases=True)
    return with_loader_criteria(CountryScoped, lambda cls: cls.country.in_(countries), include_aliases=True)


def _check_written(state: ORMExecuteState, countries: list[str]) -> None:
    mapper = state.bind_mapper
    if mapper is None or not issubclass(mapper.class_, CountryScoped):
        return
    written = list(_written_countries(state))
    if state.is_insert and not written:
        raise RuntimeError(f"an insert into {mapper.local_table} does not name its country")
    _refuse(written, countries)


def _written_countries(state: ORMExecuteState) -> Iterator[str]:
    """The literal values that an insert or update statement gives to ``country``."""
    statement = cast(Any, state.statement)
    rows: list[Mapping[Any, Any]] = []
    if statement._values:
        rows.append(statement._values)
    for several in getattr(statement, "_multi_values", ()):
        rows.extend(several)
    parameters = state.parameters
    if isinstance(parameters, Mapping):
        rows.append(parameters)
    elif parameters:
        rows.extend(parameters)
    for row in rows:
        for key, value in row.items():
            if (key.key if isinstance(key, Column) else str(getattr(key, "key", key))) == "country":
                yield str(getattr(value, "value", value))


def _refuse(written: Iterable[str], allowed: list[str]) -> None:
    if any(country not in allowed for country in written):
        raise Forbidden("country_not_yours")


def _tables(statement: Any) -> Iterator[Table]:
    for element in visitors.iterate(statement):
        if isinstance(element, Table):
            yield element
        target = getattr(element, "table", None)
        if isinstance(target, Table):
            yield target


def scoped_tables() -> set[Table]:
    """The tables whose rows belong to one country, of all ORM classes that are loaded."""
    mappers: Iterable[Mapper[Any]] = Base.registry.mappers
    return {
        mapper.local_table
        for mapper in mappers
        if issubclass(mapper.class_, CountryScoped) and isinstance(mapper.local_table, Table)
    }
