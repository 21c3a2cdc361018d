"""The least that a fan-out in Python can be: what a peer says goes to all, by one ``send`` each. Argument: peers."""

import select
import socket
import sys


def main(size: int) -> None:
    """Accept so many peers, then send on what they say."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=size)
    print(f"ready {listener.getsockname()[1]}", flush=True)
    epoll = select.epoll()
    peers: dict[int, socket.socket] = {}
    for _ in range(size):
        peer, _ = listener.accept()
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer.recv(1)
        peer.sendall(b"!")
        peer.setblocking(False)
        peers[peer.fileno()] = peer
        epoll.register(peer, select.EPOLLIN)
    sockets = list(peers.values())
    while True:
        for number, _ in epoll.poll():
            data = peers[number].recv(1 << 16)
            if not data:
                return
            for each in sockets:
                each.send(data)


if __name__ == "__main__":
    main(int(sys.argv[1]))
