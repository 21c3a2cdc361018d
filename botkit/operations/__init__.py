"""What whoever runs bots needs of a process: its health, its numbers, what runs in it, and what it is told to change.

``http`` answers ``/livez``, ``/readyz``, ``/metrics`` and ``/tree``, and ``client`` asks for them, as ``botkit tree``
does.
"""
