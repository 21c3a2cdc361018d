"""What a running process tells about itself: metrics and structured logs.

- ``metrics``: :class:`~botkit.observability.metrics.Meters`, counters that cost nothing to count, read at a scrape.
- ``logs``: :func:`~botkit.observability.logs.configure_logs`, readable lines or one JSON object per line.
- ``about``: what lines of the log are about, ``taps``: who follows the log while the process runs.
- ``texts``: how much of what people write is shown. ``redaction``: what keeps secrets out of the logs.
- ``visible``: what keeps a stranger's text from driving the reader's terminal.
"""
