"""Characters that look like a Latin letter: data.

After Unicode's ``confusables.txt`` (UTS 39; single characters that stand for one ASCII letter), with the
letters that Unicode names after one (with a stroke or a hook, small capitals, regional indicators, negative circles and
squares), and some that are only alike in capitals or at a glance. Each is here as ``normalise`` leaves it: case folded,
decomposed, without marks; and as what it is taken for most.
"""

LOOKALIKES: dict[str, str] = {
    "a": "ɐɑαаᎪᗅᴀᶏ\u237a\u2c65\ua4ee\U000102a0\U00016f40\U0001f150\U0001f170\U0001f1e6",
    "b": "ƀƃƅɓʙβбвьᏏᏴᑲᖯᗷᵬᶀ\ua4d0\ua797\ua7b5\U00010282\U000102a1\U00010301\U0001f151\U0001f171\U0001f1e7",
    "c": (
        "σƈȼɕсᏟᴄ\u2ca5\ua4da\ua793\ua794\U000102a2\U00010302\U0001043d\U0001051c\U000118e9\U000118f2\U0001df1d"
        "\U0001f152\U0001f172\U0001f1e8\U0001f74c"
    ),
    "d": "đƌȡɖɗԁᎠᏧᑯᗞᗪᴅᵭᶁᶑ\ua4d2\ua4d3\ua7c8\U0001f153\U0001f173\U0001f1e9",
    "e": (
        "ǝɇɛεезҽᎬᴇᶒᶓ\u212e\u22ff\u2c78\u2d39\ua4f0\uab32\uab34\U00010286\U000118c6\U000118ce\U0001f154"
        "\U0001f174\U0001f1ea"
    ),
    "f": (
        "ƒϝքᖴᵮᶂẝ\ua4dd\ua730\ua799\uab35\U00010287\U000102a5\U00010525\U000118c2\U0001d213\U0001f155"
        "\U0001f175\U0001f1eb"
    ),
    "g": "ƍǥɠɡɢԍցᏀᏳᶃ\ua4d6\ua7a1\uab36\U0001f156\U0001f176\U0001f1ec",
    "h": "ħɦʜηнһհᎻᏂᕼ\u2c68\u2c8f\ua4e7\ua795\U000102cf\U0001f157\U0001f177\U0001f1ed",
    "i": "ıɨɩɪιіӏᎥᶖ\u2373\ua647\U000118c3\U0001df1a\U0001f158\U0001f178\U0001f1ee",
    "j": "ȷɉɟʄʝϳјᎫᒍᴊ\ua4d9\U0001f159\U0001f179\U0001f1ef",
    "k": "ĸƙκкᏦᛕᴋᶄ\u2c6a\u2c95\ua4d7\ua741\ua743\ua745\ua7a3\U00010518\U0001f15a\U0001f17a\U0001f1f0",
    "l": (
        "łƚǀȴɩɫɬɭʟιіӏ\u06f1Ꮮᒪᛁᶅ\u2223\u23fd\u2502\u2c61\u2c93\u2cd1\u2d4f\ua4e1\ua4f2\ua749\ua78e\uab37\uab38"
        "\uab39\U0001028a\U00010309\U00010320\U00010443\U00010526\U000118c3\U000118d2\U00016f16\U00016f28"
        "\U0001d22a\U0001df11\U0001df13\U0001f15b\U0001f17b\U0001f1f1"
    ),
    "m": "ɱʍϻмᎷᗰᛖᴍᵯᶆ\u2c99\ua4df\uab3a\U000102b0\U00010311\U0001f15c\U0001f17c\U0001f1f2",
    "n": "ƞȵɲɳɴηνипոռᵰᶇ\u2c9b\ua4e0\ua791\ua7a5\uab3b\U00010513\U0001f15d\U0001f17d\U0001f1f3",
    "o": (
        "øɔɵοσоօ\u06f5०০੦૦ଠ୦௦౦೦ഠ൦๐໐ဝ၀ჿዐᴏᴑᶗ\u2c7a\u2c9f\u2d54\u3007\ua4f3\ua74b\ua74d\uab3d\uab3f\U00010292"
        "\U000102ab\U0001042c\U000104ea\U00010516\U000114d0\U000118c8\U000118d5\U000118d7\U000118e0\U0001df1b"
        "\U0001f15e\U0001f17e\U0001f1f4"
    ),
    "p": "ƥρрᏢᑭᴘᴩᵱᵽᶈ\u2374\u2ca3\ua4d1\ua751\ua753\ua755\U00010295\U0001f15f\U0001f17f\U0001f1f5",
    "q": "ɋʠԛգզ\u2d55\ua757\ua759\ua7af\U0001f160\U0001f180\U0001f1f6",
    "r": (
        "ɍɹɺɻɼɽɾʀгяᎡᎱᏒᖇᴦᵲᵳᶉ\u2c79\u2c85\ua4e3\ua7a7\uab47\uab48\uab49\uab4b\uab4c\uab68\U000104dc\U00016f35"
        "\U0001d216\U0001df08\U0001df15\U0001df16\U0001f161\U0001f181\U0001f1f7"
    ),
    "s": (
        "ƽȿʂѕտᏕᏚᵴᶊ\ua4e2\ua731\ua7a9\ua7ca\U00010296\U00010448\U000118c1\U00016f3a\U0001df1e\U0001f162"
        "\U0001f182\U0001f1f8"
    ),
    "t": (
        "ŧƫƭȶʇʈτтᎢᴛᵵ\u22a4\u27d9\u2c66\u2ca7\ua4d4\U00010297\U000102b1\U00010315\U00016f0a\U0001df09"
        "\U0001df0d\U0001f163\U0001f183\U0001f1f9\U0001f768"
    ),
    "u": (
        "ʋμυսሀᑌᴜᶙ\u222a\u22c3\ua4f4\ua79f\ua7b9\uab4e\uab52\U000104f6\U000118d8\U00016f42\U0001f164\U0001f184\U0001f1fa"
    ),
    "v": (
        "νѵ\u06f7Ꮩᐯᴠᶌ\u2228\u22c1\u2c71\u2c74\u2d38\ua4e6\ua6df\ua75f\U0001051d\U00011706\U000118c0\U00016f08"
        "\U0001d20d\U0001f165\U0001f185\U0001f1fb"
    ),
    "w": ("ɯωшѡԝաᎳᏔᴡ\u2c73\ua4ea\U0001170a\U0001170e\U0001170f\U000118e6\U000118ef\U0001f166\U0001f186\U0001f1fc"),
    "x": (
        "×χхᕁᕽ᙭ᚷᶍ\u2573\u292b\u292c\u2a2f\u2cad\u2d5d\ua4eb\uab53\uab56\uab57\uab58\uab59\U00010290\U000102b4"
        "\U00010317\U00010322\U00010527\U000118ec\U0001f167\U0001f187\U0001f1fd"
    ),
    "y": "ƴɏɣʏγυуүყᎩᎽỿ\u2ca9\ua4ec\uab5a\U000102b2\U000118dc\U00016f43\U0001f168\U0001f188\U0001f1fe",
    "z": "ƶȥɀʐʑζᏃᴢᵶᶎ\u2c6c\ua4dc\U000102f5\U000118c4\U000118c9\U000118e5\U0001f169\U0001f189\U0001f1ff",
}
"""For each letter what looks like it."""
