"""The two spellings of a callback's name: the page's ``onLoginSuccess`` and Python's ``on_login_success``."""

import re

_CAPITALS = re.compile(r"(?<=[a-z])(?=[A-Z])")


def snake_name(camel: str) -> str:
    """``onLoginSuccess`` as ``on_login_success``."""
    return _CAPITALS.sub("_", camel).lower()


def camel_name(snake: str) -> str:
    """``on_login_success`` as ``onLoginSuccess``."""
    first, *rest = snake.split("_")
    return first + "".join(word.capitalize() for word in rest)


class Overridable:
    """Callbacks that a subclass may override under either name: the other one becomes the same function."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for name, function in list(vars(cls).items()):
            if name.startswith("on_") and hasattr(cls, camel_name(name)):
                setattr(cls, camel_name(name), function)
            elif name.startswith("on") and name[2:3].isupper() and snake_name(name) not in vars(cls):
                setattr(cls, snake_name(name), function)
