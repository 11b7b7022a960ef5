"""The ranking of the language helper: restricted, folded, honest about what it cannot know."""

from __future__ import annotations

import pytest

from media.speech.identify import Detection, Unsure, identify, one_of, rank


def test_it_ranks_only_candidates_and_renormalises() -> None:
    heard = Detection({"en": 0.05, "ar": 0.57, "fa": 0.19, "ur": 0.19}, 12.0)
    found = rank(heard, ["apc", "pes", "prs", "urd", "kmr"])
    assert [code for code, _ in found.ranked] == ["apc", "pes", "urd"]
    assert sum(share for _, share in found.ranked) == pytest.approx(1)
    assert found.ranked[0][1] == pytest.approx(0.6)
    assert found.unsure is None
    assert found.together == {"pes": ("prs",)}
    assert found.by_hand == ("kmr",)


def test_croatian_and_bosnian_count_for_serbian() -> None:
    found = rank(Detection({"hr": 0.4, "bs": 0.2, "sr": 0.05, "mk": 0.3}, 10.0), ["mkd", "srp"])
    assert found.ranked[0][0] == "srp"
    assert found.ranked[0][1] == pytest.approx(0.65 / 0.95)


@pytest.mark.parametrize(
    ("heard", "candidates", "unsure"),
    [
        (Detection({}, 3.0), ["apc"], Unsure.TOO_SHORT),
        (Detection({"ar": 0.4, "fa": 0.35}, 12.0), ["apc", "pes"], Unsure.CLOSE),
        (Detection({"hu": 0.8, "tr": 0.14, "fa": 0.004}, 12.0), ["tur", "pes"], Unsure.FAINT),
        (Detection({"en": 0.3, "ar": 0.49}, 12.0), ["apc", "pes"], Unsure.FAINT),
        (Detection({"en": 0.3, "ar": 0.5}, 12.0), ["apc", "pes"], None),
        (Detection({"ru": 0.99, "ar": 0.004, "fa": 0.001}, 12.0), ["apc", "pes"], Unsure.OUTSIDE),
        (Detection({"ar": 0.9}, 12.0), ["kmr", "ckb"], Unsure.NOTHING_TO_RANK),
    ],
)
def test_it_says_why_it_is_unsure(heard: Detection, candidates: list[str], unsure: Unsure | None) -> None:
    assert rank(heard, candidates).unsure is unsure


@pytest.mark.parametrize(
    ("heard", "pair", "chosen"),
    [
        ({"sr": 0.1, "hr": 0.2, "fa": 0.05, "en": 0.6}, ("pes", "srp"), "srp"),
        ({"fa": 0.2, "tg": 0.2, "sr": 0.1}, ("pes", "srp"), "pes"),
        ({"fa": 0.3, "sr": 0.2}, ("pes", "srp"), None),
        ({"bg": 0.3, "hr": 0.2, "ar": 0.02}, ("apc", "mkd"), "mkd"),
        ({"sr": 0.3, "hr": 0.4, "mk": 0.01}, ("srp", "mkd"), "srp"),
        ({"en": 1.0}, ("pes", "srp"), None),
        ({"bs": 1.0}, ("bos", "srp"), "srp"),
    ],
)
def test_one_of_two_languages_or_none(heard: dict[str, float], pair: tuple[str, str], chosen: str | None) -> None:
    assert one_of(Detection(heard, 3.0), pair) == chosen


async def test_too_little_voice_is_never_ranked() -> None:
    class Quiet:
        async def detect(self, pcm16k: bytes, least_seconds: float) -> Detection:
            assert least_seconds == 8.0
            return Detection({}, 7.9)

    found = await identify(Quiet(), b"", ["apc"])
    assert found.ranked == ()
    assert found.unsure is Unsure.TOO_SHORT
