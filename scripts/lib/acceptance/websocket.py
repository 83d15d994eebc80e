"""Holds a WebSocket open through a proxy, says something every 100 ms and checks that it comes back. Writes one line when it is open,
and at SIGTERM one with how often it was answered. Ends with 1 when the connection does.

usage: websocket.py HOST:PORT PATH NAME"""
import base64
import os
import signal
import socket
import sys
import time

address, path, name = sys.argv[1:4]
host, port = address.rsplit(":", 1)
connection = socket.create_connection((host, int(port)), timeout=10)
key = base64.b64encode(os.urandom(16)).decode()
connection.sendall(
    f"GET {path} HTTP/1.1\r\nHost: {name}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
buffer = b""


def receive(count):
    global buffer
    while len(buffer) < count:
        more = connection.recv(65536)
        if not more:
            print("the connection was closed", flush=True)
            sys.exit(1)
        buffer += more
    result, buffer = buffer[:count], buffer[count:]
    return result


head = b""
while not head.endswith(b"\r\n\r\n"):
    head += receive(1)
if b" 101 " not in head.split(b"\r\n")[0]:
    connection.settimeout(1)
    print("no upgrade:", (head + buffer + connection.recv(4096)).decode(errors="replace"), flush=True)
    sys.exit(1)
print("open", flush=True)
count = 0


def end(*_):
    print(f"answered {count} times", flush=True)
    os._exit(0)


signal.signal(signal.SIGTERM, end)
while True:
    text = f"message {count}".encode()
    mask = os.urandom(4)
    connection.sendall(bytes([0x81, 0x80 | len(text)]) + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(text)))
    while True:
        first, length = receive(2)
        payload = receive(length & 0x7F)
        if first & 0x0F == 1 and payload == text:
            break
        if first & 0x0F == 8:
            print("the connection was ended by a close frame", flush=True)
            sys.exit(1)
    count += 1
    time.sleep(0.1)
