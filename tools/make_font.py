# SPDX-License-Identifier: BSD-3-Clause
"""Cuts ``courses/lab.ttf`` out of Noto Sans SC: the Chinese, Latin and signs that figures in labs need.

    npm install @expo-google-fonts/noto-sans-sc@0.4.3        # anywhere outside the repository
    python -m labroom.tools.make_font .../400Regular/NotoSansSC_400Regular.ttf courses

The licence (SIL OFL 1.1) lets us cut and share the font; the result gets its own family name.
"""

import hashlib
import json
import sys
from pathlib import Path

from fontTools.subset import Options, Subsetter  # type: ignore[import-untyped]
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

FAMILY = "Labroom Sans SC"
SOURCE_PACKAGE = "npm @expo-google-fonts/noto-sans-sc 0.4.3, 400Regular/NotoSansSC_400Regular.ttf"
SOURCE_SHA256 = "d45f67f0a7c0ca3f256950777ce6a61cc7ce5f9696d02900cbbaac25f8aa7d16"
SIGNS = (
    "°℃℉Ω±×÷·−∓≈≠≤≥≡∝∞√∑∫∂∆∇∈∠⊥∥∴∵→←↑↓↔⇒µ¹²³⁴½¼¾‰′″…—–“”‘’「」《》【】、。，：；！？（）％～￥"
    "①②③④⑤⑥⑦⑧⑨⑩★☆●○■□▲△▼◆◇✓"
)
# Outside GB2312 level 1, used in labs: names of people, places and substances.
MORE_CHARACTERS = (
    "旸镕嬗氦氖氩氪氙氡氚氘烃烷烯炔醛酮酯苷肽臭氧铯铷锶钫镭镧钇锆铌钼锝钌铑钯铪"
    "钽钨铼锇铱铂铊铋钋砹羧胺嘌呤嘧啶珠穆朗玛喀喇昆仑戈壁绒沱羌塘郗"
)


def characters() -> set[int]:
    """Code points to keep: GB2312's level 1 (3,755 characters) and signs, Latin, Greek, and ours."""
    kept = (
        set(range(0x20, 0x7F))
        | set(range(0xA0, 0x100))
        | set(range(0x391, 0x3AA))
        | set(range(0x3B1, 0x3CA)) - {0x3A2}
    )
    for row in [*range(0xA1, 0xA4), *range(0xB0, 0xD8)]:
        for column in range(0xA1, 0xFF):
            try:
                kept.add(ord(bytes([row, column]).decode("gb2312")))
            except UnicodeDecodeError:
                continue  # the code has holes
    return kept | {ord(sign) for sign in SIGNS + MORE_CHARACTERS}


def make_font(source: Path, folder: Path) -> Path:
    """Write ``lab.ttf`` and its provenance card into folder; ValueError if source is another file."""
    if hashlib.sha256(source.read_bytes()).hexdigest() != SOURCE_SHA256:
        raise ValueError(f"{source}: not the file of {SOURCE_PACKAGE}")
    font = TTFont(source, recalcTimestamp=False)
    options = Options(
        layout_features=["kern"],
        hinting=False,
        notdef_outline=True,
        name_IDs=[0, 1, 2, 3, 4, 5, 6, 7, 13, 14],
    )
    options.drop_tables += ["vhea", "vmtx", "BASE", "STAT", "GSUB", "gasp", "prep"]
    subsetter = Subsetter(options)
    wanted = characters()
    subsetter.populate(unicodes=wanted)
    subsetter.subset(font)
    _rename(font)
    target = folder / "lab.ttf"
    font.save(target)
    present = wanted & set(font.getBestCmap())
    card = {
        "file": "lab.ttf",
        "family": FAMILY,
        "title": {"zh": "图中文字用的字体", "en": "Font for the text in figures"},
        "source": "Noto Sans SC Regular 2.004 (Adobe, Google)",
        "extracted_from": SOURCE_PACKAGE,
        "source_sha256": SOURCE_SHA256,
        "licence": "OFL-1.1, text in LICENSE-font",
        "made_by": "tools/make_font.py",
        "characters": len(present),
        "dropped": {
            "zh": "GB2312 一级汉字以外的多数汉字、字形特性、竖排和微调信息；家族名已改",
            "en": "most characters beyond GB2312 level 1, layout features, hints; family renamed",
        },
        "sha256": hashlib.sha256(target.read_bytes()).hexdigest(),
    }
    text = json.dumps(card, ensure_ascii=False, indent=2) + "\n"
    (folder / "lab.ttf.card.json").write_text(text, encoding="utf-8")
    return target


def _rename(font: TTFont) -> None:
    post_script = FAMILY.replace(" ", "") + "-Regular"
    names = {1: FAMILY, 2: "Regular", 3: f"{post_script};1", 4: FAMILY, 6: post_script}
    for record in font["name"].names:
        if record.nameID in names:
            record.string = names[record.nameID]


if __name__ == "__main__":
    make_font(Path(sys.argv[1]), Path(sys.argv[2]))
