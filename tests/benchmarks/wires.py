# ruff: noqa: ARG002 - every kind of server needs some of what it is told
"""What the load generator says to each kind of server: bytes, so that it costs next to nothing itself.

A peer is a blocking socket; ``enter`` takes it through handshake and login into the one channel. Every message carries
``MARK`` once, by which deliveries are counted.
"""

import json
import socket
import struct
from typing import Protocol

from tests.benchmarks.servers import APP_ID

MARK = b"<MARK>"
CHANNEL = "lobby"
NO_MASK = b"\0\0\0\0"

HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class Wire(Protocol):
    """How to speak to one kind of server."""

    def enter(self, peer: socket.socket, number: int) -> None:
        """Come in, as the peer of this number, and into the channel."""

    def message(self, number: int, text: str) -> bytes:
        """A message of that peer to the channel."""


class Disconnected(Exception):
    """The server has closed a connection."""


def read_until(peer: socket.socket, *marks: bytes) -> bytes:
    """What comes, until all ``marks`` have. Raises ``Disconnected``."""
    data = b""
    while not all(mark in data for mark in marks):
        more = peer.recv(1 << 20)
        if not more:
            raise Disconnected(f"closed, having said {data!r}")
        data += more
    return data


def text_of(length: int) -> str:
    """A text of so many bytes with the mark in it."""
    return MARK.decode() + "x" * (length - len(MARK))


def text_frame(text: str) -> bytes:
    """A client's WebSocket message, with a mask of zeros."""
    data = text.encode()
    head = bytes([0x81, 0x80 | len(data)]) if len(data) < 126 else struct.pack("!BBH", 0x81, 0x80 | 126, len(data))
    return head + NO_MASK + data


class GatewayWire:
    """botkit's gateway. ``lines`` are the sessions' secret names. With no ``channel`` they are in none."""

    def __init__(self, channel: str = CHANNEL) -> None:
        self.channel = channel
        self.lines: dict[int, str] = {}

    def enter(self, peer: socket.socket, number: int) -> None:
        """Log in and join."""
        peer.sendall(HANDSHAKE.format(path="/").encode())
        read_until(peer, b"\r\n\r\n")
        peer.sendall(self.login(number))
        self.logged_in(number, read_until(peer, b"login_ret", b"line"))
        if self.channel:
            peer.sendall(self.join(number))
            read_until(peer, b"call2-ret", b"attrs")

    def login(self, number: int) -> bytes:
        """A login as web clients send it."""
        who = {"vid": APP_ID, "account": f"user-{number}", "uid": 0, "token": "_no_need_token", "device": "", "ip": ""}
        return text_frame(json.dumps(["login", who]))

    def logged_in(self, number: int, answer: bytes) -> None:
        """Take the line from the answer to a login."""
        self.lines[number] = answer.split(b'\\"line\\":\\"')[1].split(b'\\"')[0].decode()

    def call(self, number: int, function: str, call_id: int = 1, **arguments: str) -> bytes:
        """A request of that peer."""
        return text_frame(json.dumps(["call2", [function, call_id, {"line": self.lines[number], **arguments}]]))

    def join(self, number: int, channel: str | None = None) -> bytes:
        """A request to join."""
        return self.call(number, "channel_join", name=channel or self.channel)

    def message(self, number: int, text: str) -> bytes:
        """A message to the channel."""
        return self.call(number, "channel_sendmsg", name=self.channel, msg=text)


class SocketIoWire:
    """Socket.IO 4 (Engine.IO 4) over WebSocket alone. With no ``room`` they are in none."""

    def __init__(self, room: str = CHANNEL) -> None:
        self.room = room

    def enter(self, peer: socket.socket, number: int) -> None:
        """Open, connect, join."""
        peer.sendall(HANDSHAKE.format(path="/socket.io/?EIO=4&transport=websocket").encode())
        read_until(peer, b"pingTimeout")
        peer.sendall(text_frame("40"))
        read_until(peer, b"40{")
        if self.room:
            peer.sendall(text_frame(f'420["join","{self.room}"]'))
            read_until(peer, b"430[")

    def message(self, number: int, text: str) -> bytes:
        """An event that the server emits to the room."""
        return text_frame(f'42["message","{text}"]')


class NatsWire:
    """NATS' own protocol, one subject."""

    def enter(self, peer: socket.socket, number: int) -> None:
        """Connect and subscribe."""
        read_until(peer, b"\r\n")
        peer.sendall(f'CONNECT {{"verbose":false}}\r\nSUB {CHANNEL} 1\r\nPING\r\n'.encode())
        read_until(peer, b"PONG\r\n")

    def message(self, number: int, text: str) -> bytes:
        """A message to the subject."""
        return f"PUB {CHANNEL} {len(text)}\r\n{text}\r\n".encode()


class BareWire:
    """The bare loop: what comes in goes out to all. ``message`` has the size of the gateway's frame."""

    def __init__(self, frame_bytes: int) -> None:
        self.frame_bytes = frame_bytes

    def enter(self, peer: socket.socket, number: int) -> None:
        """Nothing to be said."""
        peer.sendall(b"?")
        read_until(peer, b"!")

    def message(self, number: int, text: str) -> bytes:
        """Bytes to be sent on."""
        return MARK + b"x" * (self.frame_bytes - len(MARK))
