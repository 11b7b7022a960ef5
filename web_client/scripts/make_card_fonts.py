"""Makes the small fonts of the language cards: the words of cards.json in scripts that not every computer has letters for.

Run by hand when a card changes: ``python web_client/scripts/make_card_fonts.py <folder>`` with the unpacked npm packages
``@fontsource/noto-sans-{gurmukhi,bengali,devanagari,ethiopic,tifinagh}`` (5.3.0, OFL) in the folder. Needs fonttools and brotli.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from fontTools import subset

DESK = Path(__file__).resolve().parents[1] / "src" / "desk"
SCRIPTS = {
    "gurmukhi": (0x0A00, 0x0A7F),
    "bengali": (0x0980, 0x09FF),
    "devanagari": (0x0900, 0x097F),
    "ethiopic": (0x1200, 0x137F),
    "tifinagh": (0x2D30, 0x2D7F),
}


def main(folder: Path) -> None:
    """One file for each script and weight."""
    cards = json.loads((DESK / "cards.json").read_text(encoding="utf-8"))["cards"]
    words = "".join(card["name"] + card["sentence"] for card in cards)
    for script, (first, last) in SCRIPTS.items():
        letters = "".join(sorted({letter for letter in words if first <= ord(letter) <= last}))
        for weight in (400, 700):
            for source in folder.rglob(f"noto-sans-{script}-{script}-{weight}-normal.woff2"):
                target = DESK / "fonts" / f"cards-{script}-{weight}.woff2"
                subset.main(
                    [str(source), f"--text={letters} /·", "--layout-features=*", "--flavor=woff2", f"--output-file={target}"]
                )
                print(target.name, target.stat().st_size)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
