"""The test kit: a real gateway in memory, and peers that speak the wire to it, under virtual time.

``open_test_gateway`` runs the gateway that is also deployed, reached over WebSockets in memory: no port, no socket, and
with trio's autojump clock no waiting. ``WirePeer`` sends frames by hand, for what a well-behaved client never does.
"""

from botkit.testing.gateway import TEST_APP, open_test_gateway
from botkit.testing.peer import Notice, Refusal, WirePeer

__all__ = ["TEST_APP", "Notice", "Refusal", "WirePeer", "open_test_gateway"]
