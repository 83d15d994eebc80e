"""Keeps one HTTPS connection open while the certificate is renewed: renewed_pair.py PORT

Prints "connected" and then, when a new connection is shown another certificate, asks once more on the old one, prints "renewed" and ends.
"""

import hashlib
import socket
import ssl
import sys
import time

context = ssl.create_default_context()
# What is served is the question here, not whether it is to be trusted.
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE


def connect():
    return context.wrap_socket(socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=10), server_hostname="x.plane.test")


def fingerprint(connection):
    return hashlib.sha256(connection.getpeercert(binary_form=True)).hexdigest()


def ask(connection):
    """One request, and its whole answer; the connection stays open."""
    connection.sendall(b"GET / HTTP/1.1\r\nHost: nobody.plane.test\r\n\r\n")
    answer = b""
    while b"\r\n\r\n" not in answer:
        piece = connection.recv(4096)
        if not piece:
            sys.exit("the open connection was closed")
        answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    while len(body) < length:
        body += connection.recv(4096)
    if not head.startswith(b"HTTP/1.1 404"):
        sys.exit(f"an unexpected answer: {head!r}")


first = connect()
before = fingerprint(first)
ask(first)
print("connected", flush=True)
end = time.monotonic() + 60
while time.monotonic() < end:
    with connect() as other:
        after = fingerprint(other)
    ask(first)
    if after != before:
        print("renewed", flush=True)
        sys.exit(0)
    time.sleep(0.2)
sys.exit("no new certificate was served within 60 s")
