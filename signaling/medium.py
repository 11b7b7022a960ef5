"""By which medium a talk is carried now, and why: from the places of a session to a mode segment of the log. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from signaling.realtime.rooms import INTERPRETER, OFFICER


class Medium(StrEnum):
    """What a mode segment of the session log says."""

    VIDEO = "video"
    AUDIO = "audio"
    PHONE = "phone"


class ModeWhy(StrEnum):
    """Why a mode segment begins."""

    BEGUN = "begun"
    CAMERA_ON = "camera_on"
    CAMERA_OFF = "camera_off"
    """Nobody has a camera on, by choice."""
    WEAK_LINE = "weak_line"
    SOUND_ONLY = "sound_only"
    """Officer or interpreter chose sound only for everybody."""
    LINE_LOST = "line_lost"
    ASKED = "asked"
    """Somebody in the session asked for the telephone."""
    BACK_TO_VIDEO = "back_to_video"
    """Nobody is on the telephone any more."""


class Seated(Protocol):
    """What decides of a place."""

    @property
    def part(self) -> str: ...
    @property
    def here(self) -> bool: ...
    @property
    def video(self) -> bool: ...
    @property
    def has_video(self) -> bool: ...
    @property
    def phone_leg_id(self) -> str | None: ...
    @property
    def video_why(self) -> str | None: ...


def medium_of(places: Sequence[Seated]) -> Medium:
    """Phone while officer or interpreter is on it; video while one of them can be seen, or is about to be; else audio."""
    talking = [place for place in places if place.part in (OFFICER, INTERPRETER)]
    if any(place.phone_leg_id is not None for place in talking):
        return Medium.PHONE
    seen = any((place.video and place.here) or place.has_video for place in talking)
    return Medium.VIDEO if seen else Medium.AUDIO


def why_now(before: Medium | None, places: Sequence[Seated], phone_reason: ModeWhy = ModeWhy.LINE_LOST) -> ModeWhy:
    """The reason of the segment that begins with these places, after one of ``before``."""
    if before is None:
        return ModeWhy.BEGUN
    now = medium_of(places)
    if now is Medium.PHONE:
        return phone_reason
    if now is Medium.VIDEO:
        return ModeWhy.BACK_TO_VIDEO if before is Medium.PHONE else ModeWhy.CAMERA_ON
    told = {place.video_why for place in places if place.part in (OFFICER, INTERPRETER)}
    for why in (ModeWhy.SOUND_ONLY, ModeWhy.WEAK_LINE):
        if why.value in told:
            return why
    return ModeWhy.BACK_TO_VIDEO if before is Medium.PHONE else ModeWhy.CAMERA_OFF
