"""PoolService: interpreters' profiles with their pairs and clearances. The gates between the countries are in ``transfer``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import exists, func, select, update

from core.access import Actor, Country
from core.clock import new_id
from core.db.session import ReadUnit, UnitOfWork
from core.errors import Conflict, Invalid, NotFound
from scheduler.events import POOL_CHANGED
from scheduler.languages import LanguageTable
from scheduler.models import Interpreter, InterpreterPair, Presence
from scheduler.pool_views import PoolPage, Profile, pool_row, profile
from scheduler.pool_write import NEEDED, ProfileInput, put_values
from scheduler.workloads import WorkLoad, presence_state, workloads


def regional(actor: Actor) -> Actor:
    """The same person, seen in both countries: for what interpreters do with the offers and sessions that are their own.

    The pool is regional, so a booking may belong to the country in which an interpreter has no role. The caller has
    checked that the actor is the interpreter concerned.
    """
    return replace(actor, is_system=True, system_countries=frozenset(Country))


class PoolService:
    """Profiles. Who may call what is policy."""

    def __init__(self, table: LanguageTable) -> None:
        self._table = table

    async def create(self, uow: UnitOfWork, values: ProfileInput) -> Profile:
        """A new profile. Raises ``Invalid`` ``field_missing``, ``value_unknown`` (field), ``Conflict`` ``code_taken``."""
        for name in sorted(NEEDED - set(values)):
            raise Invalid("field_missing", {"field": name})
        person = Interpreter(
            id=new_id("interpreter"),
            joined_pool_at=uow.now,
            pairs=[],
            active=True,
            officer_languages=[],
            training=[],
            vetting_result="none",
            own_asylum_case="none",
            communities_declared=[],
            max_minutes_day=240,
            max_block_min=45,
            no_topics=[],
            no_children=False,
            reachable_by=["app"],
            on_call=False,
            quality=0,
            offers_count=0,
            accepts_count=0,
        )
        put_values(person, values, self._table)
        uow.session.add(person)
        uow.session.add(Presence(interpreter_id=person.id, wanted="away", since=uow.now))
        await uow.flush()
        self._tell(uow, person)
        return profile(person, "away", 0, uow.now)

    async def update(self, uow: UnitOfWork, interpreter_id: str, *, version: int, values: ProfileInput) -> Profile:
        """Change a profile. Raises ``Conflict('changed_meanwhile')`` unless ``version`` is the newest."""
        person = await self.person(uow, interpreter_id, lock=True)
        if person.version != version:
            raise Conflict("changed_meanwhile", {"version": person.version})
        put_values(person, values, self._table)
        await uow.flush()
        self._tell(uow, person)
        return await self.get(uow, interpreter_id)

    async def put(self, uow: UnitOfWork, interpreter_id: str, values: ProfileInput) -> None:
        """Change a profile for another service that decides on what it read under the lock taken here."""
        person = await self.person(uow, interpreter_id, lock=True)
        put_values(person, values, self._table)
        await uow.flush()
        self._tell(uow, person)

    async def get(self, unit: ReadUnit, interpreter_id: str) -> Profile:
        """A profile in full. Raises ``NotFound('interpreter_unknown')``."""
        person = await self.person(unit, interpreter_id)
        states, loads = await self._states(unit, [interpreter_id])
        minutes = loads[interpreter_id].minutes_on(unit.now, person.time_zone)
        return profile(person, states[interpreter_id], minutes, unit.now)

    async def list(
        self,
        unit: ReadUnit,
        *,
        q: str | None = None,
        language: str | None = None,
        presence: str | None = None,
        page: int = 1,
        per: int = 25,
    ) -> PoolPage:
        """The pool by code; ``q`` a piece of a code, ``language`` the person's, ``presence`` available, busy or away."""
        wanted = select(Interpreter)
        if q:
            wanted = wanted.where(Interpreter.code.icontains(q.strip(), autoescape=True))
        if language:
            spoken = self._table.canonical(language)
            wanted = wanted.where(
                exists().where(InterpreterPair.interpreter_id == Interpreter.id, InterpreterPair.from_lang == spoken)
            )
        if presence is not None:
            ids = (await unit.session.scalars(wanted.with_only_columns(Interpreter.id))).all()
            states, _ = await self._states(unit, ids)
            wanted = wanted.where(Interpreter.id.in_([who for who in ids if states[who] == presence]))
        total = await unit.session.scalar(select(func.count()).select_from(wanted.subquery()))
        rows = (await unit.session.scalars(wanted.order_by(Interpreter.code).offset((page - 1) * per).limit(per))).all()
        states, _ = await self._states(unit, [row.id for row in rows])
        items = [pool_row(row, states[row.id], unit.now) for row in rows]
        return PoolPage(items=items, total=int(total or 0), page=page, per=per)

    async def of_user(self, unit: ReadUnit, user_id: str) -> str | None:
        """The interpreter behind an account, if there is one."""
        found: str | None = await unit.session.scalar(
            select(Interpreter.id).where(Interpreter.user_id == user_id, Interpreter.active.is_(True))
        )
        return found

    async def devices_checked(self, uow: UnitOfWork, interpreter_id: str, *, ok: bool) -> None:
        """Note that microphone, camera and line were checked; a failed check takes the note away."""
        await self.person(uow, interpreter_id)
        # Not through the object: the version of a profile is for changes by coordinators.
        await uow.session.execute(
            update(Interpreter)
            .where(Interpreter.id == interpreter_id)
            .values(devices_checked_at=uow.now if ok else None)
            .execution_options(synchronize_session=False)
        )

    async def person(self, unit: ReadUnit, interpreter_id: str, *, lock: bool = False) -> Interpreter:
        """The row of an interpreter. Raises ``NotFound('interpreter_unknown')``."""
        wanted = select(Interpreter).where(Interpreter.id == interpreter_id)
        if lock:
            wanted = wanted.with_for_update(key_share=True)
        person = await unit.session.scalar(wanted.execution_options(populate_existing=True))
        if person is None:
            raise NotFound("interpreter_unknown")
        return person

    async def _states(self, unit: ReadUnit, ids: Sequence[str]) -> tuple[dict[str, str], dict[str, WorkLoad]]:
        loads = await workloads(unit, ids, unit.now)
        rows = await unit.session.execute(
            select(Presence.interpreter_id, Presence.wanted, Presence.seen_until).where(
                Presence.interpreter_id.in_(ids)
            )
        )
        known = {row.interpreter_id: row for row in rows}
        states = {}
        for who in ids:
            row = known.get(who)
            wanted, seen = (row.wanted, row.seen_until) if row is not None else (None, None)
            states[who] = presence_state(wanted, seen, loads[who], unit.now).value
        return states, loads

    def _tell(self, uow: UnitOfWork, person: Interpreter) -> None:
        allowed = sorted(country.value for country in uow.actor.countries)
        country = person.base_country if person.base_country in allowed else allowed[0]
        uow.emit(POOL_CHANGED, {"country": person.base_country, "interpreter_id": person.id}, country=country)
