"""The arguments of a command: which of a handler's parameters they are, and their values in a line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args, get_origin

from botkit.app.commands.converters import Converter, NoSuchValue, RestOfLine, converter_of
from botkit.app.commands.words import BadLine, read_word
from botkit.app.signatures import NO_DEFAULT, Parameter, Signature, describe, members_of


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument. ``many``: it takes all further words; ``rest``: all further text."""

    name: str
    converter: Converter
    required: bool
    default: object
    many: bool
    rest: bool

    @property
    def shown(self) -> str:
        """How a usage line shows it: ``<account>``, ``[on|off]``, ``<word …>``."""
        inner = "|".join(self.converter.options) or self.name
        if self.many or self.rest:
            inner += " …"
        return f"<{inner}>" if self.required else f"[{inner}]"


class WrongArguments(Exception):
    """A line that does not fit a command; the text says to its writer why."""


def read_arguments(signature: Signature) -> tuple[Argument, ...]:
    """The arguments among a handler's parameters. Raises ``HandlerError`` for an order that no line could fit."""
    arguments: list[Argument] = []
    for parameter in signature.parameters:
        argument = _read(parameter)
        if argument is None:
            if parameter.variadic:
                kind = describe(parameter.annotation)
                raise signature.place.error(f"parameter *{parameter.name}: {kind} is nothing that can be written")
            continue
        if parameter.keyword_only:
            raise signature.place.error(f"parameter {parameter.name}: an argument is a plain parameter")
        if arguments and (arguments[-1].many or arguments[-1].rest):
            before = arguments[-1].name
            raise signature.place.error(f"parameter {parameter.name}: {before} takes all that could be left for it")
        if arguments and argument.required and not arguments[-1].required:
            before = arguments[-1].name
            raise signature.place.error(f"parameter {parameter.name}: it is needed, and {before} before it is not")
        arguments.append(argument)
    return tuple(arguments)


def parse_arguments(arguments: Sequence[Argument], line: str, at: int) -> Mapping[str, object]:
    """The values of the arguments in a line, from ``at`` on. Raises ``WrongArguments``."""
    values: dict[str, object] = {}
    try:
        for argument in arguments:
            values[argument.name], at = _parse(argument, line, at)
        word, _ = read_word(line, at)
    except BadLine as error:
        raise WrongArguments(str(error)) from None
    if word is not None:
        raise WrongArguments(f"{word.text[:40]!r} is more than it takes")
    return values


def _parse(argument: Argument, line: str, at: int) -> tuple[object, int]:
    if argument.rest:
        text = line[at:].strip()
        if not text and argument.required:
            raise WrongArguments(f"{argument.name} is missing: it is {argument.converter.noun}")
        return text or argument.default, len(line)
    if argument.many:
        return _parse_many(argument, line, at)
    word, end = read_word(line, at)
    if word is None:
        if argument.required:
            raise WrongArguments(f"{argument.name} is missing: it is {argument.converter.noun}")
        return argument.default, end
    return _convert(argument, word.text), end


def _parse_many(argument: Argument, line: str, at: int) -> tuple[object, int]:
    values: list[object] = []
    while True:
        word, at = read_word(line, at)
        if word is None:
            break
        values.append(_convert(argument, word.text))
    if not values and argument.required:
        raise WrongArguments(f"{argument.name} is missing: it is {argument.converter.noun}")
    return values or argument.default, at


def _convert(argument: Argument, word: str) -> object:
    try:
        return argument.converter.convert(word)
    except NoSuchValue as error:
        raise WrongArguments(f"{argument.name}: {error}") from None


def _read(parameter: Parameter) -> Argument | None:
    members = [one for one in members_of(parameter.annotation) if one is not type(None)]
    if len(members) != 1:
        return None
    (annotation,) = members
    optional = len(members_of(parameter.annotation)) > 1
    many = parameter.variadic or get_origin(annotation) is list
    converter = converter_of(get_args(annotation)[0] if get_origin(annotation) is list else annotation)
    if converter is None:
        return None
    default = parameter.default
    if default is NO_DEFAULT and (optional or parameter.variadic):
        default = [] if parameter.variadic else None
    return Argument(parameter.name, converter, default is NO_DEFAULT, default, many, annotation == RestOfLine)
