"""CPU time by message between Pykka's actors. Prints JSON, µs by measure; arguments: messages, actors."""

import json
import sys
import threading
import time

import pykka


class Counter(pykka.ThreadingActor):  # type: ignore[misc]  # not installed where types are checked
    """Counts what it is told, and says so when it is all there."""

    def __init__(self, messages: int, full: threading.Semaphore) -> None:
        super().__init__()
        self.messages, self.full = messages, full
        self.count = 0

    def on_receive(self, message: object) -> int:  # noqa: ARG002
        """Count a message; the answer is how many there were."""
        self.count += 1
        if self.count == self.messages:
            self.full.release()
        return self.count


def tell(messages: int, actors: int) -> float:
    """µs for each of ``messages``, spread over ``actors``, one after the other."""
    full = threading.Semaphore(0)
    refs = [Counter.start(messages // actors, full) for _ in range(actors)]
    begin = time.process_time()
    for _ in range(messages // actors):
        for ref in refs:
            ref.tell("a message")
    for _ in range(actors):
        full.acquire()
    used = time.process_time() - begin
    pykka.ActorRegistry.stop_all()
    return used / messages * 1e6


def ask(messages: int) -> float:
    """µs for each question with its answer, one at a time."""
    ref = Counter.start(messages, threading.Semaphore(0))
    begin = time.process_time()
    for _ in range(messages):
        ref.ask("a question")
    used = time.process_time() - begin
    pykka.ActorRegistry.stop_all()
    return used / messages * 1e6


if __name__ == "__main__":
    messages, actors = map(int, sys.argv[1:])
    figures = {
        "tell to 1 actor": tell(messages, 1),
        "tell to many actors": tell(messages, actors),
        "ask": ask(messages),
    }
    print(json.dumps(figures))
