"""Whether a request or an upgrade really comes from Twilio: ``X-Twilio-Signature`` over the public address, never over ``Host``.

Behind a proxy the address that we see is not the one that was signed, and a ``Host`` header is whatever the sender wrote. So the
address is put together from the configured public one and the path; the path has no query, by construction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl

from starlette.datastructures import ImmutableMultiDict
from twilio.request_validator import RequestValidator

from core.errors import Forbidden, Invalid

HEADER = "x-twilio-signature"
MOST_FIELDS = 100


class TwilioSignature:
    """Checks with the account's token."""

    def __init__(self, auth_token: str, public_url: str) -> None:
        self._validator = RequestValidator(auth_token)
        self._base = public_url.rstrip("/")
        self._socket_base = "ws" + self._base.removeprefix("http")

    def form(self, path: str, query: str, body: bytes, headers: Mapping[str, str]) -> dict[str, str]:
        """The fields of a signed form. Raises ``Forbidden('signature_wrong')``, ``Invalid('form_malformed')``."""
        try:
            pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
        except (UnicodeDecodeError, ValueError):
            raise Invalid("form_malformed") from None
        self._demand(self._base + path + _asked(query), pairs, headers)
        return dict(pairs)

    def socket(self, path: str, query: str, headers: Mapping[str, str]) -> None:
        """The upgrade of a stream is signed over its ``wss://`` address, without fields. Raises ``Forbidden('signature_wrong')``."""
        self._demand(self._socket_base + path + _asked(query), (), headers)

    def _demand(self, url: str, pairs: Sequence[tuple[str, str]], headers: Mapping[str, str]) -> None:
        given = headers.get(HEADER, "")
        fields: ImmutableMultiDict[str, str] = ImmutableMultiDict(list(pairs))
        if not given or not given.isascii() or not self._validator.validate(url, fields, given):
            raise Forbidden("signature_wrong")


def _asked(query: str) -> str:
    return f"?{query}" if query else ""
