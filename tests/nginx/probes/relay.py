"""The opposite of a proxy: it moves bytes between client and origin and looks at none. What it does not fail at proves nothing."""

from __future__ import annotations

import select
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import trustme

from tests.nginx.probes.probe import ORIGIN_HOST
from tests.support.http_client import TRAFFIC
from tests.support.proxy import ORIGIN_PORT


@contextmanager
def relay(address: str, origin: str, authority: trustme.CA) -> Iterator[None]:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    # TLS 1.3 makes a socket readable with tickets, and then there is nothing to read.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_server((address, TRAFFIC), backlog=512) as listener:
        accepting = threading.Thread(target=_accept, args=(listener, origin, context), daemon=True)
        accepting.start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()


def _accept(listener: socket.socket, origin: str, context: ssl.SSLContext) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:  # shut down
            return
        threading.Thread(target=_join, args=(client, origin, context), daemon=True).start()


def _join(client: socket.socket, origin: str, context: ssl.SSLContext) -> None:
    """Until one side ends; then both do."""
    with (
        client,
        suppress(OSError),
        socket.create_connection((origin, ORIGIN_PORT)) as plain,
        context.wrap_socket(plain, server_hostname=ORIGIN_HOST.decode()) as tls,
    ):
        while True:
            # What TLS has decoded already does not make its socket readable.
            readable = [tls] if tls.pending() else select.select([client, tls], [], [])[0]
            for source, target in ((client, tls), (tls, client)):
                if source in readable:
                    data = source.recv(1 << 16)
                    if not data:
                        return
                    target.sendall(data)
