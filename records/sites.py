"""Sites from which people work, and the authority that each belongs to. Reference data: filled by the administrator or the demo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from sqlalchemy import select

from core.db.session import ReadUnit, UnitOfWork
from core.errors import Invalid
from records.models import Site


class SiteView(TypedDict):
    """A site as the catalogue answer shows it."""

    code: str
    country: str
    name: dict[str, str]
    authority: str


async def list_sites(unit: ReadUnit) -> list[SiteView]:
    """All active sites, by code."""
    rows = await unit.session.scalars(select(Site).where(Site.active.is_(True)).order_by(Site.code))
    return [site_view(row) for row in rows]


async def site_by_code(unit: ReadUnit, code: str) -> Site:
    """The active site; raises ``Invalid('site_unknown')``."""
    site = await unit.session.get(Site, code)
    if site is None or not site.active:
        raise Invalid("site_unknown", {"site": code[:32]})
    return site


async def authority_of(unit: ReadUnit, site: str | None) -> str | None:
    """The authority that a site belongs to; none for no site or an unknown one."""
    if site is None:
        return None
    row = await unit.session.get(Site, site)
    return row.authority if row is not None else None


async def put_site(uow: UnitOfWork, code: str, *, country: str, authority: str, names: Mapping[str, str]) -> None:
    """Add a site or change its authority and names."""
    site = await uow.session.get(Site, code)
    if site is None:
        uow.session.add(Site(code=code, country=country, authority=authority, names=dict(names), active=True))
    else:
        site.authority, site.names, site.active = authority, dict(names), True
    await uow.flush()


def site_view(site: Site) -> SiteView:
    """The shape of docs/protocol.md."""
    return SiteView(code=site.code, country=site.country, name=dict(site.names), authority=site.authority)
