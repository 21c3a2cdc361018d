"""Logs of records to try views, watches and sinks on."""

from bots.presence.records import VERSION, Happening, Record


class Log:
    """Makes records in their order; times are in seconds."""

    def __init__(self) -> None:
        self.n = 0

    def add(self, seconds: float, event: Happening, account: str = "", channel: str = "", reason: str = "") -> Record:
        """The next record."""
        self.n += 1
        return Record(
            v=VERSION,
            id=f"e-{self.n}",
            n=self.n,
            event=event,
            ms=round(seconds * 1000),
            account=account,
            channel=channel,
            reason=reason,
            epoch="e",
            seq=self.n,
        )


def script(*lines: str) -> list[Record]:
    """Records from lines such as ``1.5 left ann lobby logout`` or ``2 offline ann logout``."""
    log, records = Log(), list[Record]()
    for line in lines:
        seconds, event, *words = line.split()
        account = words[0] if words else ""
        channel = words[1] if event in ("joined", "left") else ""
        reason = words[-1] if event in ("offline", "left", "gap") and len(words) > 1 else ""
        records.append(log.add(float(seconds), event, account, channel, reason))  # type: ignore[arg-type]
    return records


def told(records: list[Record]) -> list[str]:
    """What was told, in words as in a script, with the time when it was."""
    return [
        " ".join(
            [
                f"{(one.cursor or (one.ms, 0, 0))[0] / 1000:g}",
                one.event,
                *filter(None, (one.watch, one.state, one.account, one.channel)),
                *([] if one.count is None else [str(one.count)]),
            ]
        )
        for one in records
    ]
