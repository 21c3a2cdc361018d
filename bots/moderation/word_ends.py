"""Where a word begins and ends."""

import unicodedata

_UNSPACED_SCRIPTS = (
    ("\u0e00", "\u0eff"),  # Thai, Lao
    ("\u1000", "\u109f"),  # Myanmar
    ("\u1780", "\u17ff"),  # Khmer
    ("\u3040", "\u30ff"),  # Hiragana, Katakana
    ("\u3400", "\u4dbf"),  # Han, extension A
    ("\u4e00", "\u9fff"),  # Han
    ("\uf900", "\ufaff"),  # Han, compatibility
    ("\U00020000", "\U0003ffff"),  # Han, further extensions
)
"""Scripts that write no blank between words: there, a word ends where the list's entry ends."""


def boundary(text: str, index: int) -> bool:
    """True if no word goes on across the place before ``text[index]``."""
    if index in (0, len(text)):
        return True
    before, after = text[index - 1], text[index]
    return not (in_word(before) and in_word(after))


def in_word(character: str) -> bool:
    """Whether a character is part of a word, in a script that writes blanks between words."""
    if character.isascii():
        return character.isalnum()
    if any(first <= character <= last for first, last in _UNSPACED_SCRIPTS):
        return False
    return character.isalnum() or unicodedata.category(character).startswith("M")
