"""A source in a process of its own: a line of JSON in, a line of JSON out."""

import subprocess
from collections.abc import Sequence
from functools import partial

import trio

from bots.moderation.scorers.source import MAX_ANSWER_BYTES, ScorerFailed, decode_answer, encode_question

RECEIVE_BYTES = 4_096


class ProcessScorer:
    """Talks to one process at a time, which is started when it is first needed, and again when it has died.

    What it writes to standard error goes where botkit's goes.
    """

    def __init__(self, name: str, command: Sequence[str]) -> None:
        self.name = name
        self._command = list(command)
        self._process: trio.Process | None = None
        self._turn = trio.Lock()

    async def score(self, text: str) -> float:
        """See ``Source``. A cancel ends the process, since its answer would be taken for that to the next text."""
        async with self._turn:
            process = await self._running()
            in_step = False
            try:
                answer = await self._ask(process, encode_question(text))
                in_step = True
                return decode_answer(self.name, answer)
            except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
                raise ScorerFailed(self.name, "the process hung up") from error
            finally:
                if not in_step:
                    await self.aclose()

    async def aclose(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    await stream.aclose()

    async def _running(self) -> trio.Process:
        if self._process is not None and self._process.poll() is None:
            return self._process
        await self.aclose()
        start = partial(trio.lowlevel.open_process, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            self._process = await start(self._command)
        except OSError as error:
            raise ScorerFailed(self.name, f"{self._command[0]} does not start: {error.strerror}") from error
        return self._process

    async def _ask(self, process: trio.Process, question: bytes) -> bytes:
        if process.stdin is None or process.stdout is None:
            raise ScorerFailed(self.name, "the process has no pipes")
        await process.stdin.send_all(question + b"\n")
        answer = bytearray()
        while not answer.endswith(b"\n"):
            received = await process.stdout.receive_some(RECEIVE_BYTES)
            answer += received
            if not received:
                raise ScorerFailed(self.name, "the process ended without an answer")
            if len(answer) > MAX_ANSWER_BYTES or b"\n" in answer[:-1]:
                raise ScorerFailed(self.name, "answers more than one short line to one text")
        return bytes(answer)
