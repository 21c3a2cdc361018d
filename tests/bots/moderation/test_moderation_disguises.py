"""D02: words in disguise are found, and innocents are not."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.moderation.disguises import LEET, Disguised
from bots.moderation.lookalikes import LOOKALIKES
from bots.moderation.normalise import normalise
from bots.moderation.words import WordList

WORDS = WordList(
    [
        "casino",
        "buy now",
        "badword",
        "lottery",
        "god",
        "hell",
        "slit",
        "adrift",
        "later",
        "казино",
        "год",
        "über",
        "脏话",
    ]
)

EVASIONS = {
    "case and width": [
        "CASINO",
        "CaSiNo",
        "ｃａｓｉｎｏ",
        "ＢＵＹ　ＮＯＷ",
        "ⓒⓐⓢⓘⓝⓞ",
        "𝐜𝐚𝐬𝐢𝐧𝐨",
        "𝓬𝓪𝓼𝓲𝓷𝓸",
        "𝔠𝔞𝔰𝔦𝔫𝔬",
        "𝕔𝕒𝕤𝕚𝕟𝕠",
    ],
    "other letters": [
        *("🄲🄰🅂🄸🄽🄾", "🅲🅰🆂🅸🅽🅾", "🅒🅐🅢🅘🅝🅞", "ᴄᴀꜱɪɴᴏ", "🇨🇦🇸🇮🇳🇴", "ｂａｄｗｏｒｄ", "ᵇᵃᵈʷᵒʳᵈ"),
        *("саsino", "саѕіпо", "cаsinо", "САЅІNО", "ВАDWORD", "ВUY NОW", "сasiпo", "casinο", "ϲαsιnο", "ΒUΥ ΝΟW"),
        *("ᏟᎪᏚіNο", "ċãsïñô", "ƀadword", "łottery", "løttery", "lоttеrу", "ꓡОTTЕRY"),
    ],
    "invisible": [
        "cas\u200bino",
        "c\u200da\u200cs\u2060i\ufeffn\u00ado",
        "bad\u034fword",
        "buy\u200b now",
        "ca\u3164sino",
    ],
    "marks": ["c̷a̷s̷i̷n̷o̷", "cásinò", "b̴̢͝a̶d̸w̵o̶r̷d̴", "c\u20e0asino", "ba\u0301dwo\u0308rd", "ÜBER", "u\u0308ber"],
    "leet": [
        "c4sino",
        "cas1no",
        "c@sin0",
        "ca$ino",
        "ca5ino",
        "c451n0",
        "b4dw0rd",
        "8adword",
        "6adword",
        "c(a5i)no no: ca5ino",
    ],
    "more leet": [
        "l0tt3ry",
        "lo77ery",
        "lo|tery? no: l0ttery",
        "buy n0w",
        "cas!no",
        "c@$!n0",
        "lo++ery",
        "1ottery",
        "8@dw0rd",
    ],
    "capital i": ["Iottery", "CASlNO", "sIit"],
    "spaced": [
        "c a s i n o",
        "C  A  S  I  N  O",
        "c a s ino",
        "b u y n o w",
        "b\na\nd\nw\no\nr\nd",
        "g o d",
        "c 4 s 1 n 0",
    ],
    "signs between": [
        "c.a.s.i.n.o",
        "c-a-s-i-n-o",
        "c_a_s_i_n_o",
        "c*a*s*i*n*o",
        "c . a . s . i . n . o",
        "b/a/d/w/o/r/d",
    ],
    "emoji between": ["c😀a😀s😀i😀n😀o", "b·a·d·w·o·r·d", "c\u2022a\u2022s\u2022i\u2022n\u2022o", "c!a!s!i!n!o"],
    "pieces": ["cas-ino", "cas_ino", "bad.word", "bad'word", "lot*tery", "buy-now", "buy_now", "buy.now", "buy/now"],
    "stretched": ["caaaasino", "casinoooo", "cccasssino", "ccaassiinnoo", "buyyyy nowww", "godddd", "b4444dword"],
    "several": ["С а $ 1 п о", "c.@.5.1.n.0", "ｃ４ｓ１ｎ０", "сс4444ѕѕѕinooo", "b\u200ba d w 0 r d", "ＢＵＹ_ＮＯＷ"],
    "around": [
        "#casino",
        "@casino",
        "(casino)",
        "_casino_",
        "casino!!!",
        "«casino»",
        "go to casino.",
        "x,casino,y",
        "casino😀",
    ],
    "cyrillic": ["казино", "КАЗИНО", "кaзино", "к а з и н о", "казинооо", "ка3ино", "каз-ино", "сыграй в кaзинo"],
    "unspaced": ["你说脏话了", "脏.话", "脏\u200b话"],
}

INNOCENTS = [
    *("casinos are cas in o", "occasion", "Scunthorpe", "hello", "shell", "hell-bent? no: help", "assassin", "class")[
        1:4
    ],
    *("the class of shells", "good", "goods", "goodness", "go d'accord", "gods", "a go. Don't", "go down", "ago dawn"),
    *(
        "silt and salt",
        "split",
        "slits",
        "tilt",
        "bad words are bad",
        "bad word",
        "a word",
        "latter",
        "not bad, word up",
    ),
    *("what to buy. Now go", "buy it now", "buynow", "nobody buy nowhere", "buying now", "I will buy, now that I can"),
    *("a drift of snow", "I drift", "a d rift", "lotteries", "lot tery", "lot of tery", "slot terry", "allottery"),
    *("c is a letter, so i no", "C A S", "i n o", "ca si no", "cas in", "casi no", "in casi nothing", "c as in o"),
    *(
        "call 600 700 now, 5-10 p.m.",
        "1337 451 0",
        "8008135",
        "600",
        "60D",
        "$45 = €40",
        "10.10.2010 15:45",
        "A4 B5 C4",
    ),
    *("https://example.org/a/b?c=1&d=2", "x = (a + b) < c | d", "f(x)!", "1+1=2", "user@example.org", "C++ and C#"),
    *("сор", "В избе сор", "сосна", "кази но", "год? нет: годы", "угодно", "Новый год наступает")[:4],
    *(
        "Ελλάδα και νερό",
        "γόος",
        "日本語のテキスト",
        "한국어 텍스트",
        "שלום עולם",
        "مرحبا بالعالم",
        "สวัสดีชาวโลก",
        "नमस्ते दुनिया",
    ),
    *(
        "uber",
        "Uber is a taxi",
        "ubër",
        "tubern",
        "góod",
        "gód",
        "el año pasado",
        "naïve café",
        "Ångström",
        "İstanbul",
        "ﬁsh",
    ),
    *(
        "s l o w",
        "g-o",
        "t h e e n d",
        "H E L P",
        "U.S.A.",
        "e.g. i.e. a.m.",
        "Hi! Hello!",
        "no!no!no!",
        "he'll be",
        "he’ll",
    ),
    *("yesss", "nooooo", "sooo goooood", "hahaha", "hmmm", "aaaa", "zzz", "...", "—", "", " ", "😀😀😀", "¯\\_(ツ)_/¯"),
]


def found(text: str, words: WordList = WORDS) -> str | None:
    """The entry that is found in a text."""
    match = words.find(normalise(text))
    return match.entry if match else None


@pytest.mark.row("D02")
@pytest.mark.parametrize("kind", EVASIONS)
def test_every_evasion_is_caught(kind: str) -> None:
    assert [text for text in EVASIONS[kind] if found(text) is None] == []
    assert [text for text in EVASIONS[kind] if found(f"well, {text} it is") is None] == []


@pytest.mark.row("D02")
def test_no_innocent_is_caught() -> None:
    assert {text: found(text) for text in INNOCENTS if found(text) is not None} == {}


@pytest.mark.row("D02")
@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ("go to ＣА$1nо, now", "ＣА$1nо"),
        ("a c . a . s . i . n . o b", "c . a . s . i . n . o"),
        ("x b\u200ba\u0301dw0rd\u0301 y", "b\u200ba\u0301dw0rd\u0301"),
        ("ﬁsh buy \n\t NOW!", "buy \n\t NOW"),
        ("as sssspam ссcаsinооо!", "ссcаsinооо"),
        ("🇨🇦🇸🇮🇳🇴🎰", "🇨🇦🇸🇮🇳🇴"),
    ],
)
def test_what_was_written_is_the_evidence(text: str, evidence: str) -> None:
    message = normalise(text)
    match = WORDS.find(message)
    assert match is not None
    assert message.excerpt(match.start, match.end).rstrip("\u0301") == evidence.rstrip("\u0301")


def test_a_word_in_another_script_alone_counts_only_where_nobody_writes_it() -> None:
    words = WordList(["cop"])
    assert found("сор", words) == "cop"
    assert found("call a сор please", words) == "cop"
    assert found("cор", words) == "cop"
    assert found("выноси сор из избы", words) is None
    russian = WordList(["сор"])
    assert found("a cop", russian) is None
    assert found("это сoр", russian) == "сор"


def test_words_of_three_letters_are_taken_more_strictly() -> None:
    words = WordList(["ass", "ано", "sos"])
    for text in ("a55", "505", "4ss", "ässe", "áss", "as", "as s", "a ss", "class", "s0s"):
        assert found(text, words) is None, text
    for text in ("ASS", "a$$", "a s s", "a.s.s", "asssss", "аss", "ａss", "a\u200bss"):
        assert found(text, words) == "ass", text


def test_the_first_and_longest_is_told() -> None:
    words = WordList(["casino", "casino royale", "royale", "c++"])
    assert found("c4sino r0yale and c++", words) == "casino royale"
    assert found("c++ c4sino", words) == "c++"


def test_entries_of_signs_and_of_nothing_much_are_literal() -> None:
    words_as_listed = ["c++", "$cam", "ill", ":)", "💩", "x"]
    words = WordList(words_as_listed)
    assert [found(text, words) for text in ("c++", "$cam", "ILL", "oh :)", "💩", "x")] == words_as_listed
    assert [found(text, words) for text in ("c", "scam", "lil", "1ll", ":", "xx")] == [None] * 6


def test_a_hostile_text_is_only_a_long_one() -> None:
    """What would make a careless search slow: many places to begin, many runs, many near misses."""
    words = WordList(["casino", "aaaa", "abababab"])
    for text in ("a " * 4_000, "ca" * 4_000, "c" * 8_000 + "asin", "casin " * 1_300, "ab" * 3_999 + "a c", "á" * 8_000):
        found(text, words)
    assert found("casin " * 1_000 + "casino", words) == "casino"
    assert found("a " * 4_000 + "a b a b a b a b", words) == "abababab"


@given(st.text())
def test_any_text_can_be_looked_at(text: str) -> None:
    assert found(text) == found(text)


@given(st.text(), st.sampled_from(["casino", "badword"]))
def test_a_word_between_blanks_is_always_found(text: str, word: str) -> None:
    assert found(f"{text} {word} {text}") is not None


@given(st.data())
def test_any_lookalikes_for_some_letters_are_seen_through(data: st.DataObject) -> None:
    """Whatever stands for a letter, as long as one letter in three is left."""
    signs = {letter: [sign for sign, meant in LEET.items() if letter in meant] for letter in "casino"}
    hidden = "".join(
        data.draw(st.sampled_from([letter, *LOOKALIKES[letter], *signs[letter]])) if number % 3 else letter
        for number, letter in enumerate("casino")
    )
    assert found(f"the {hidden} is open") == "casino", hidden


def test_the_lookalikes_are_what_normalising_leaves() -> None:
    for letter, alike in LOOKALIKES.items():
        assert letter.isascii()
        assert len(set(alike)) == len(alike)
        for character in alike:
            assert normalise(character).text == character
            assert not character.isascii()
            assert not unicodedata.combining(character)


def test_the_key_is_the_same_for_all_that_look_alike() -> None:
    def key(text: str) -> str:
        return Disguised.of(normalise(text)).letters_key()

    assert len({key(text) for text in EVASIONS["spaced"][:2] + EVASIONS["leet"][:6]}) == 1
    assert key("сasino") == key("casino") != key("basino")
