"""The wire, sans I/O: frames, requests, replies, notices, limits, state tables, tokens.

No trio, no socket, no clock in here: callers hand in bytes and the time, and get typed values or a
``ProtocolError`` back. Client and gateway share it. See the module docstrings for the protocol facts.
"""
