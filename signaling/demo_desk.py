"""What the language desk has left in a case of the demo: how its language was found, and the phrases of the first contact."""

from __future__ import annotations

from core.access import Actor
from records.desk import AidKind, Confidence, ConfirmedBy, FoundBy
from scheduler.languages import LanguageTable
from signaling.bootstrap import Services
from signaling.desk.findings import AidUse, NewFinding

_PHRASES = ("P01", "P04", "P05", "P16", "P25")
_SPOKEN = frozenset({"ara", "pes", "prs", "pus"})
"""Languages of the phrasebook."""
_STATION = "O-1183"
"""The border post where people arrive whose language nobody knows."""


async def tell_desk(services: Services, officers: dict[str, tuple[Actor, str]]) -> None:
    """The newest open case of the border post whose first language was read off a card."""
    officer, _ = officers[_STATION]
    async with services.database.unit(officer) as uow:
        page = await services.cases.list(uow, state="open", per=100)
        for one in page["items"]:
            first = one["languages"][0] if one["languages"] else None
            if first is None or first["source"] == "interpreter_confirmed":
                continue
            finding = _finding(services.languages, first["code"])
            if finding.language not in _SPOKEN:
                continue
            case = await services.cases.get(uow, one["id"])
            await services.desk.findings.put(uow, case["id"], finding, version=case["version"])
            for ref in _PHRASES:
                aid = AidUse(AidKind.PHRASE, ref, finding.language, case["current_step_id"], None)
                await services.desk.findings.use_aid(uow, case["id"], aid)
            return


def _finding(table: LanguageTable, code: str) -> NewFinding:
    entry = table.get(code)
    group = entry.macro if entry is not None and entry.macro in _SPOKEN else None
    return NewFinding(
        language=group or code,
        variant=code if group else None,
        fallback=None,
        confidence=Confidence.PROBABLY,
        found_by=[FoundBy.CARD, FoundBy.REGION] if group else [FoundBy.CARD],
        confirmed_by=ConfirmedBy.PERSON,
    )
