"""What strangers wrote, made fit for a terminal."""


def visible(text: str, most: int | None = None) -> str:
    """``text`` with everything escaped that would move the cursor, forge a line, or worse; cut at ``most`` characters.

    Names, messages and reasons of others go through here before they are shown to a person.
    """
    cut = most is not None and len(text) > most
    shown = text[:most] if cut else text
    if not shown.isprintable():
        shown = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in shown)
    return f"{shown}…" if cut else shown
