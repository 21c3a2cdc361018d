"""What is wrong with a flow, found when it is loaded: each complaint names the place and says what would be right."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter

from botkit import ConfigError
from bots.call_agent.digits import DIGITS
from bots.call_agent.flow.steps import (
    MAX_TEXT_BYTES,
    Block,
    Branch,
    End,
    Gather,
    Go,
    Menu,
    Queue,
    Set,
    Step,
    targets_of,
    texts_of,
)
from bots.call_agent.flow.texts import BUILT_IN, EXTRA, MAX_VALUE, has_stray_brace, is_name, longest, names_in

Blocks = Mapping[str, Block]


def check_blocks(blocks: Blocks, start: str, queues: Mapping[str, object]) -> None:
    """Raise ``ConfigError``, with the key below the flow, for the first thing that is wrong."""
    if start not in blocks:
        raise ConfigError(f"no block is called {start!r}", key="start", hint=_similar(start, blocks))
    for name in blocks:
        if not is_name(name):
            raise ConfigError(f"{name!r} cannot be a name", key=f"blocks.{name}", hint="use a-z, 0-9 and _")
    every = [(key, step) for name, block in blocks.items() for key, step in all_steps(f"blocks.{name}", block)]
    for key, step in every:
        _check_step(key, step, blocks, queues)
    _check_texts(every)
    for name, block in blocks.items():
        _check_way(f"blocks.{name}", block, is_top=True)
    _check_loops(blocks)
    _check_reached(blocks, start)


def all_steps(key: str, block: Block) -> Iterator[tuple[str, Step]]:
    """The steps of a block and of what is written inside of them, each with its key."""
    for index, step in enumerate(block):
        here = f"{key}[{index}]"
        yield here, step
        for below, target in targets_of(step):
            if not isinstance(target, str):
                yield from all_steps(f"{here}.{below}", target)


def _check_step(key: str, step: Step, blocks: Blocks, queues: Mapping[str, object]) -> None:
    for below, target in targets_of(step):
        if isinstance(target, str) and target not in blocks:
            raise ConfigError(f"no block is called {target!r}", key=f"{key}.{below}", hint=_similar(target, blocks))
        if not target:
            raise ConfigError("there is nothing to do", key=f"{key}.{below}", hint="write steps, or a block's name")
    match step:
        case Menu(choices=choices):
            if not choices:
                raise ConfigError("is empty", key=f"{key}.choices", hint='give at least one, such as "1": main')
            for choice in choices:
                if not choice or len(choice) > 8 or not set(choice) <= set(DIGITS):
                    hint = "a choice is one to eight of the digits 0 to 9, * and #"
                    raise ConfigError(f"{choice!r} cannot be pressed", key=f"{key}.choices.{choice}", hint=hint)
        case Gather(finish=finish):
            if len(finish) > 1 or finish not in DIGITS:
                raise ConfigError(f"{finish!r} is no key", key=f"{key}.finish", hint='write one digit, or ""')
            if step.min_digits > step.max_digits:
                problem = f"{step.min_digits} is more than max_digits, {step.max_digits}"
                raise ConfigError(problem, key=f"{key}.min_digits", hint="it is the least, not the most")
        case Queue(to=to) if to not in queues:
            raise ConfigError(f"no queue is called {to!r}", key=f"{key}.to", hint=_similar(to, queues))
        case _:
            pass


def _check_texts(every: list[tuple[str, Step]]) -> None:
    given = set[str]()
    secret = set[str]()
    for key, step in every:
        for below, name in _gives(step):
            if not is_name(name) or name in BUILT_IN:
                raise ConfigError(f"{name!r} cannot be a variable", key=f"{key}.{below}", hint="use a-z, 0-9 and _")
            given.add(name)
        if isinstance(step, Gather) and step.secret:
            secret.add(step.into)
    for key, step in every:
        for below, text in texts_of(step):
            _check_text(f"{key}.{below}", text, given, set() if isinstance(step, Branch) else secret)
        for below, name in _gives(step):
            if name in secret and not (isinstance(step, Gather) and step.secret):
                hint = "gather it with secret: true everywhere, or use another name"
                raise ConfigError(f"{name} is secret elsewhere", key=f"{key}.{below}", hint=hint)


def _gives(step: Step) -> list[tuple[str, str]]:
    """The variables that a step gives values."""
    match step:
        case Gather(into=name):
            return [("into", name)]
        case Set(values=values):
            return [(f"values.{name}", name) for name in values]
        case _:
            return []


def _check_text(key: str, text: str, given: set[str], secret: set[str]) -> None:
    if has_stray_brace(text):
        raise ConfigError("has a brace that belongs to no variable", key=key, hint="write {NAME}, or no brace at all")
    for name in names_in(text):
        if name in secret:
            hint = "a secret may be compared in a branch, and nothing else"
            raise ConfigError(f"{{{name}}} is secret, and would be told here", key=key, hint=hint)
        if name not in given and name not in BUILT_IN and not name.startswith(EXTRA):
            hint = _similar(name, given | BUILT_IN)
            raise ConfigError(f"no step gives {{{name}}} a value", key=key, hint=hint)
    if longest(text) > MAX_TEXT_BYTES:
        problem = f"can become {longest(text)} bytes long, with up to {MAX_VALUE} characters for each variable"
        raise ConfigError(problem, key=key, hint=f"a message has at most {MAX_TEXT_BYTES}: make two of it")


def _check_way(key: str, block: Block, *, is_top: bool) -> bool:
    """Whether the way through a block leads on behind it, which it must not in one of the flow's own."""
    leads_on = True
    for index, step in enumerate(block):
        here = f"{key}[{index}]"
        if not leads_on:
            raise ConfigError("is never reached: no way leads on from the step before", key=here, hint="drop it")
        inside = [
            _check_way(f"{here}.{below}", target, is_top=False)
            for below, target in targets_of(step)
            if not isinstance(target, str)
        ]
        leads_on = any(inside) or _leads_on(step)
    if is_top and leads_on:
        hint = "let it finish with end or go; a menu goes on only behind choices that have steps of their own"
        raise ConfigError("is a dead end: after its last step nothing follows", key=key, hint=hint)
    return leads_on


def _leads_on(step: Step) -> bool:
    """Whether what follows a step can follow it directly."""
    if isinstance(step, End | Go | Menu):
        return False
    return not (isinstance(step, Branch) and step.otherwise is not None)


def _check_reached(blocks: Blocks, start: str) -> None:
    reached, todo = {start}, [start]
    while todo:
        for _, step in all_steps("", blocks[todo.pop()]):
            fresh = {target for _, target in targets_of(step) if isinstance(target, str)} - reached
            reached |= fresh
            todo += fresh
    for name in blocks:
        if name not in reached:
            raise ConfigError("is never reached: nothing leads to it", key=f"blocks.{name}", hint="drop it")


def _check_loops(blocks: Blocks) -> None:
    """A way that comes back to itself must have asked the caller something, or nothing would ever stop it."""
    graph = {name: _reached_at_once(block)[0] for name, block in blocks.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        ring = list(reversed(error.args[1]))
        problem = f"goes round for ever without asking anything: {' -> '.join(ring)}"
        raise ConfigError(problem, key=f"blocks.{ring[0]}", hint="put a menu or a gather into the round") from None


def _reached_at_once(block: Block) -> tuple[set[str], bool]:
    """The blocks that can be reached without asking the caller, and whether the end of this one can."""
    reached = set[str]()
    for step in block:
        if isinstance(step, Menu | Gather):
            return reached, False
        leads_on = _leads_on(step)
        for _, target in targets_of(step):
            if isinstance(target, str):
                reached.add(target)
            else:
                inside, through = _reached_at_once(target)
                reached |= inside
                leads_on |= through
        if not leads_on:
            return reached, False
    return reached, True


def _similar(word: str, known: Mapping[str, object] | set[str] | frozenset[str]) -> str:
    near = get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"known here: {', '.join(sorted(known))}" if known else "there are none here"
