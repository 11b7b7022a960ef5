"""Sections of the settings in `core.settings`: telephone calls, a SIP trunk of our own, speech. Holds no reader of the environment."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator


class Section(BaseModel):
    """One section of the tree: unknown names are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TelephonySettings(Section):
    """Telephone legs: which carrier, its account, our numbers, what a minute costs. Without a carrier the product says so."""

    provider: Literal["none", "twilio", "sip"] = Field(
        "none", description="carrier of telephone calls: none, twilio, sip"
    )
    account_sid: str = Field("", description="Twilio: account SID (AC...)")
    auth_token: SecretStr | None = Field(None, description="Twilio: auth token; it also checks what Twilio sends us")
    region: str = Field("ie1", pattern=r"^[a-z0-9]{0,8}$", description="Twilio: region (us1, ie1, au1); ie1 is Ireland")
    edge: str = Field("dublin", pattern=r"^[a-z-]{0,24}$", description="Twilio: edge location")
    numbers: list[str] = Field(
        [], description="our own numbers by country: RS=+38111...,MK=+3892...; calls go out from and come in to them"
    )
    public_url: str = Field(
        "", description="address under which the carrier reaches us, as it signs it; empty means public_url"
    )
    api_base: str = Field("", description="address of the carrier's interface, for stand-ins; never in production")
    ring_seconds: int = Field(30, ge=5, le=120, description="how long a call that we place rings")
    calls_per_second: float = Field(1.0, gt=0, le=30, description="calls placed in a second, as the carrier allows")
    texts_from: str = Field(
        "",
        description="Twilio: sender of text messages to interpreters on call: a number (+381...), a registered name of up to 11 "
        "letters, or a messaging service (MG...); empty means none are sent",
    )
    texts_per_second: float = Field(
        1.0, gt=0, le=30, description="text messages sent in a second, as the carrier allows"
    )
    cost: list[str] = Field(
        [], description="price of a minute to call a country: RS=EUR 0.152,MK=EUR 0.298; shown to coordinators"
    )

    @field_validator("numbers")
    @classmethod
    def _own_numbers(cls, numbers: list[str]) -> list[str]:
        for entry in numbers:
            if re.fullmatch(r"[A-Z]{2}=\+[1-9][0-9]{6,14}", entry) is None:
                raise ValueError("must be a country and a number in international form, such as RS=+381111234567")
        return numbers

    @field_validator("texts_from")
    @classmethod
    def _sender(cls, sender: str) -> str:
        forms = r"|\+[1-9][0-9]{6,14}|MG[0-9a-fA-F]{32}|(?=[0-9 ]*[A-Za-z])[A-Za-z0-9 ]{1,11}"
        if re.fullmatch(forms, sender) is None:
            raise ValueError(
                "must be a number in international form, a name of at most 11 letters, or MG and 32 digits"
            )
        return sender

    @field_validator("cost")
    @classmethod
    def _prices(cls, prices: list[str]) -> list[str]:
        for entry in prices:
            if re.fullmatch(r"[A-Z]{2}=[A-Z]{3} [0-9]{1,4}(\.[0-9]{1,3})?", entry) is None:
                raise ValueError(
                    f"{entry!r} is no price; write a country, a currency and a price, such as RS=EUR 0.152"
                )
        return prices

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.provider != "twilio":
            return self
        if re.fullmatch(r"AC[0-9a-fA-F]{32}", self.account_sid) is None or self.auth_token is None:
            raise ValueError(
                "provider is twilio, so account_sid (AC and 32 hexadecimal digits) and auth_token must be given"
            )
        if not self.numbers:
            raise ValueError("provider is twilio, so numbers must name at least one number of ours")
        return self

    def check_address(self, public_url: str) -> None:
        """Raises ``ValueError`` when Twilio could not come by the address that it would be told."""
        address = urlsplit(self.public_url or public_url)
        if self.provider == "twilio" and (address.scheme != "https" or not address.hostname or address.path.strip("/")):
            raise ValueError(
                "telephony.provider is twilio, which comes by https and wss only: public_url, or telephony.public_url where the carrier "
                "comes by another address, must be scheme and host, such as https://tarjuman.example.org"
            )


class SipSettings(Section):
    """A SIP trunk of our own, for ``telephony.provider`` = sip: calls without a foreign cloud. Needs the extra ``sip``."""

    trunk: str = Field("", description="SIP: host or host:port of the trunk, or of the proxy in front of it")
    transport: Literal["udp", "tcp", "tls"] = Field("tls", description="SIP: how signalling travels to the trunk")
    srtp: Literal["off", "optional", "mandatory"] = Field(
        "mandatory", description="SIP: encrypted sound; mandatory ends calls without it"
    )
    user: str = Field(
        "tarjuman", description="SIP: user part of our address, often the number that is shown to people called"
    )
    auth_user: str = Field("", description="SIP: name for the trunk's password, if it differs from user")
    password: SecretStr | None = Field(None, description="SIP: password at the trunk, if it wants one")
    registers: bool = Field(False, description="SIP: register with the trunk; false where it knows our address")
    ca_file: Path | None = Field(None, description="SIP: certificates (PEM) that may vouch for the trunk")
    certificate_file: Path | None = Field(
        None, description="SIP: our own certificate and key (PEM), to be called by TLS"
    )
    local_address: str = Field("127.0.0.1", description="SIP: our own IP address towards the trunk")
    local_port: int = Field(5061, ge=1025, le=65535, description="SIP: our own port for signalling")
    rtp_port_min: int = Field(42000, ge=1024, le=65535, description="SIP: first UDP port for sound")
    rtp_port_max: int = Field(42199, ge=1024, le=65535, description="SIP: last UDP port for sound")
    max_calls: int = Field(20, ge=1, le=200, description="SIP: calls at the same time")
    sound_timeout: int = Field(30, ge=2, le=300, description="SIP: seconds without sound after which a call is over")
    agent: bool = Field(True, description="SIP: this process holds the trunk; true in exactly one of several servers")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.rtp_port_max - self.rtp_port_min + 1 < 4 * self.max_calls:
            raise ValueError("rtp_port_max must leave four ports for each of max_calls")
        if self.srtp == "mandatory" and self.transport != "tls":
            raise ValueError("srtp is mandatory, so transport must be tls: its keys travel in the signalling")
        if self.trunk and self.transport == "tls" and self.ca_file is None:
            raise ValueError("transport is tls, so ca_file must say who may vouch for the trunk")
        return self


class SpeechSettings(Section):
    """Draft transcripts and the language helper; without models both are off."""

    models: list[str] = Field(
        [],
        description="model directories (CTranslate2): default=/srv/models/small,ps=/srv/models/pashto; empty means off",
    )
    compute_type: Literal["int8", "int8_float32", "int8_float16", "float16", "float32"] = Field(
        "int8", description="arithmetic of the models; int8 for processors"
    )
    workers: int = Field(1, ge=1, le=16, description="processes that write down speech, one core each")
    beam: int = Field(1, ge=1, le=5, description="breadth of the search; 5 costs up to twice the time of 1")
    fetch_base: str = Field(
        "", description="the operator's own address from which `tarjuman models fetch` takes models"
    )
    models_dir: Path = Field(Path("var/models"), description="where `tarjuman models fetch` puts models")
