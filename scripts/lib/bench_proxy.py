#!/usr/bin/env python3
"""CPU per request of drone-proxy beside nginx, HAProxy and Caddy: same upstream, same machine, same run, one thread each,
interleaved rounds.

usage: scripts/bench proxy [--rounds N] [--seconds S] [--connections C] [--threads T] [--only WORKLOAD] [--peers a,b] [--before BINARY] [--json]
       scripts/bench proxy --growth    small requests on 1 to 512 connections, and with 1 and 2 threads
       scripts/bench proxy --http2     what comes by HTTP/2: requests and memory, and uploads over a way of 100 ms

CPU is what counts: load generator, upstream and proxy share the machine, so requests per second mostly tell about the others.
Prints one line per workload with the ratio ours / best peer; exits 1 when a ratio is above its budget, or a figure beyond its bound.
"""

import argparse, asyncio, dataclasses, json, multiprocessing, os, pathlib, re, shutil, signal, socket, sqlite3, ssl, statistics, subprocess, sys, tempfile, threading, time

CLUSTER, BACKEND = "bench.test", "b-1"
HOST = f"{BACKEND}.{CLUSTER}"
OURS = ("ours", "before")
#            name: (kind, path, TLS, budget against the named peers, or a bound in bytes that ours alone has to keep)
WORKLOADS = {
    "small keep-alive": ("wrk", "/small", False, {"nginx": 1.05, "haproxy": 1.0}),
    "64 KiB": ("wrk", "/large", False, {"best": 1.15}),
    "new connections": ("close", "/small", False, {"best": 1.15}),
    "TLS handshakes": ("close", "/small", True, {"best": 1.15}),
    "TLS small": ("wrk", "/small", True, {"best": 1.15}),
    "TLS 64 KiB": ("wrk", "/large", True, {"best": 1.15}),
    "WebSocket echo, 1": ("echo", 1, False, {"best": 1.15}),
    "WebSocket echo, 100": ("echo", 100, False, {"best": 1.15}),
    "idle WebSocket": ("memory", 1000, False, {}),
    "idle WebSocket, TLS": ("memory", 1000, True, {"most": 15 << 10}),
}
#                     name: (kind, argument, TLS, budget as above); for requests, the path, connections and streams on each
WORKLOADS_HTTP2 = {
    "HTTP/2 small, 1 × 10": ("h2load", ("/small", 1, 10), True, {"best": 1.15}),
    "HTTP/2 small, 10 × 10": ("h2load", ("/small", 10, 10), True, {"best": 1.15}),
    "HTTP/2 small, 100 × 10": ("h2load", ("/small", 100, 10), True, {"best": 1.15}),
    "HTTP/2 64 KiB, 1 × 10": ("h2load", ("/large", 1, 10), True, {"best": 1.0}),
    "HTTP/2 64 KiB, 100 × 10": ("h2load", ("/large", 100, 10), True, {"best": 1.0}),
    "HTTP/2 upload, 100 ms": ("upload", 1, True, {"least": 20 << 20}),
    "HTTP/2 4 uploads, 100 ms": ("upload", 4, True, {"least": 20 << 20}),
    "idle HTTP/2 connection": ("memory-h2", (1000, 0), True, {}),
    "idle HTTP/2 stream": ("memory-h2", (10, 100), True, {}),
}
ROUND_TRIP_SECONDS = 0.1
# After this a connection counts as idle: ours gives memory back two seconds after its last stream.
IDLE_SECONDS = 4
# An upload is longer than any proxy takes in its time, and is broken off then: at the windows some have it would take minutes.
UPLOAD_BYTES, UPLOAD_SECONDS, UPLOAD_ROUNDS = 1 << 30, 6, 3


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(port):
    for _ in range(500):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    sys.exit(f"bench: nothing listens on port {port}")


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_of_all(pids):
    return sum(cpu_seconds(pid) for pid in pids)


def resident_bytes(pid):
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@dataclasses.dataclass
class Subject:
    """One proxy in front of both upstreams."""

    processes: list
    port: int
    tls_port: int
    pids: list  # of what does the work
    tls_pids: list


# Each starts one, with as many threads as told.


def nginx(directory, name, http, workers=1):
    """An nginx: the master, and its workers' ids."""
    prefix = directory / name
    (prefix / "logs").mkdir(parents=True)
    config = prefix / "nginx.conf"
    config.write_text(
        f"user root; worker_processes {workers}; worker_rlimit_nofile 20000; daemon off; pid {prefix}/pid; error_log {prefix}/error.log;\n"
        "events { worker_connections 8192; }\n"
        f"http {{ access_log off; keepalive_requests 1000000000; keepalive_timeout 75s; client_body_temp_path {prefix}/b; proxy_temp_path {prefix}/p;"
        f" fastcgi_temp_path {prefix}/f; uwsgi_temp_path {prefix}/u; scgi_temp_path {prefix}/s;\n{http}\n}}\n")
    master = subprocess.Popen(["nginx", "-p", str(prefix), "-c", str(config)], stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    children = pathlib.Path(f"/proc/{master.pid}/task/{master.pid}/children").read_text().split()
    return master, [int(child) for child in children]


def nginx_proxy(directory, web, sockets, threads):
    port, tls = free_port(), free_port()
    master, workers = nginx(
        directory, "proxy",
        f"upstream u {{ server 127.0.0.1:{web}; keepalive 512; keepalive_requests 1000000000; }}\n"
        f"server {{ listen 127.0.0.1:{port} backlog=4096; listen 127.0.0.1:{tls} ssl http2 backlog=4096;"
        " client_max_body_size 0; proxy_request_buffering off;"
        f" ssl_certificate {directory}/cert.pem; ssl_certificate_key {directory}/key.pem; ssl_protocols TLSv1.2 TLSv1.3;\n"
        " proxy_http_version 1.1; proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr;"
        " proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Host $host;\n"
        " location / { proxy_pass http://u; proxy_set_header Connection \"\"; }\n"
        f" location /ws {{ proxy_pass http://127.0.0.1:{sockets}; proxy_set_header Upgrade $http_upgrade;"
        " proxy_set_header Connection upgrade; proxy_read_timeout 1h; } }", threads)
    return Subject([master], port, tls, workers, workers)


def haproxy(directory, web, sockets, threads):
    port, tls, config = free_port(), free_port(), directory / "haproxy.cfg"
    (directory / "both.pem").write_text((directory / "cert.pem").read_text() + (directory / "key.pem").read_text())
    config.write_text(
        f"global\n nbthread {threads}\n maxconn 8000\n"
        "defaults\n mode http\n timeout connect 5s\n timeout client 75s\n timeout server 75s\n timeout tunnel 1h\n http-reuse always\n"
        " option forwardfor\n"
        f"frontend f\n bind 127.0.0.1:{port} backlog 4096\n bind 127.0.0.1:{tls} ssl crt {directory}/both.pem alpn h2,http/1.1 backlog 4096\n"
        " http-request set-header X-Forwarded-Proto http\n http-request set-header X-Forwarded-Host %[req.hdr(Host)]\n"
        " use_backend sockets if { path /ws }\n default_backend web\n"
        f"backend web\n server s 127.0.0.1:{web} pool-max-conn 512\nbackend sockets\n server s 127.0.0.1:{sockets}\n")
    process = subprocess.Popen(["haproxy", "-db", "-f", str(config)], stderr=subprocess.DEVNULL)
    return Subject([process], port, tls, [process.pid], [process.pid])


def caddy(directory, web, sockets, threads):
    port, tls, config = free_port(), free_port(), directory / "caddy.json"
    routes = [
        {"match": [{"path": ["/ws"]}], "handle": [{"handler": "reverse_proxy", "upstreams": [{"dial": f"127.0.0.1:{sockets}"}]}]},
        {"handle": [{"handler": "reverse_proxy", "upstreams": [{"dial": f"127.0.0.1:{web}"}]}]},
    ]
    config.write_text(json.dumps({
        "admin": {"disabled": True}, "logging": {"logs": {"default": {"level": "ERROR"}}},
        "apps": {
            "http": {"servers": {
                "plain": {"listen": [f"127.0.0.1:{port}"], "routes": routes, "automatic_https": {"disable": True}},
                "tls": {"listen": [f"127.0.0.1:{tls}"], "routes": routes, "automatic_https": {"disable": True},
                        "tls_connection_policies": [{"alpn": ["h2", "http/1.1"]}]}}},
            "tls": {"certificates": {"load_files": [{"certificate": f"{directory}/cert.pem", "key": f"{directory}/key.pem"}]}}}}))
    environment = dict(os.environ, GOMAXPROCS=str(threads), HOME=str(directory), XDG_DATA_HOME=str(directory), XDG_CONFIG_HOME=str(directory))
    process = subprocess.Popen(["caddy", "run", "--config", str(config)], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return Subject([process], port, tls, [process.pid], [process.pid])


def drone_proxy(binary, directory, web, sockets, threads, label="ours"):
    """Two of them, since one serves HTTP or HTTPS; the second name of the backend leads to the WebSockets."""
    processes, ports = [], []
    for secure in (False, True):
        folder = directory / f"{label}-{secure}"
        folder.mkdir()
        database, port, redirect = folder / "drone.sqlite3", free_port(), free_port()
        cert = f'[cert]\ncert_path = "{directory}/cert.pem"\nkey_path = "{directory}/key.pem"\n' if secure else ""
        listen = f"https_port = {port}\nhttp_port = {redirect}" if secure else f"http_port = {port}"
        (folder / "drone.toml").write_text(
            f'cluster_domain = "{CLUSTER}"\ndb_path = "{database}"\n{cert}[proxy]\nbind_ip = "127.0.0.1"\n{listen}\n')
        environment = dict(os.environ, NIO_SINGLETON_GROUP_LOOP_COUNT=str(threads))
        processes.append(subprocess.Popen(
            [binary, str(folder / "drone.toml")], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        wait_for(port)
        ports.append(port)
        with sqlite3.connect(database) as db:
            for name, upstream in ((BACKEND, web), (f"ws-{BACKEND}", sockets)):
                db.execute("INSERT INTO backend (name, spec, state) VALUES (?, '{}', 'Ready')", (name,))
                db.execute(
                    "INSERT INTO route (backend, subdomain, address, last_active) VALUES (?, ?, ?, 0)", (name, name, f"127.0.0.1:{upstream}"))
    return Subject(processes, ports[0], ports[1], [processes[0].pid], [processes[1].pid])


# Upstreams and load


class Echo(asyncio.Protocol):
    """Accepts any upgrade and sends back what comes; frames of a client are masked, and it does not care. Takes any upload, counts what comes of
    it, and says when it has all of it. Never answers anything else."""

    uploaded = 0  # bytes, of all connections

    def connection_made(self, transport):
        self.transport, self.is_open, self.head, self.left, self.tail = transport, False, b"", None, b""

    def data_received(self, data):
        if self.is_open:
            self.transport.write(data)
        elif self.left is not None:
            self.upload(data)
        else:
            self.head += data
            head, end, rest = self.head.partition(b"\r\n\r\n")
            if end:
                self.head = b""
                self.begin(head.lower(), rest)

    def begin(self, head, rest):
        if head.startswith(b"post "):
            length = re.search(rb"\r\ncontent-length: *(\d+)", head)
            self.left, self.tail = int(length[1]) if length else -1, b""
            self.upload(rest)
        elif b"\r\nsec-websocket-key:" in head:
            self.is_open = True
            # The answer to the one key that Talker sends (RFC 6455 §1.3); haproxy looks at it.
            self.transport.write(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")

    def upload(self, data):
        Echo.uploaded += len(data)
        if self.left >= 0:
            self.left -= len(data)
            is_whole = self.left == 0
        else:
            self.tail = (self.tail + data)[-5:]
            is_whole = self.tail == b"0\r\n\r\n"
        if is_whole:
            self.left = None
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


class Delay(asyncio.Protocol):
    """One direction of a way on which everything is late by half a round trip, and nothing is lost."""

    LIMIT = 64 * 1024 * 1024  # on its way at once

    def __init__(self, port=None):
        self.port, self.peer, self.way, self.waiting = port, None, asyncio.Queue(), 0

    def connection_made(self, transport):
        self.transport = transport
        self.task = asyncio.ensure_future(self.deliver())
        if self.port:
            self.opening = asyncio.ensure_future(self.open())

    async def open(self):
        _, self.peer = await asyncio.get_running_loop().create_connection(Delay, "127.0.0.1", self.port)
        self.peer.peer = self

    def data_received(self, data):
        self.waiting += len(data)
        self.way.put_nowait((time.monotonic() + ROUND_TRIP_SECONDS / 2, data))
        if self.waiting > self.LIMIT:
            self.transport.pause_reading()

    def connection_lost(self, error):
        self.way.put_nowait((time.monotonic() + ROUND_TRIP_SECONDS / 2, None))

    async def deliver(self):
        while True:
            due, data = await self.way.get()
            if due > time.monotonic():
                await asyncio.sleep(due - time.monotonic())
            if self.port:
                await self.opening
            if data is None:
                return self.peer.transport.close()
            if not self.peer.transport.is_closing():
                self.peer.transport.write(data)
            self.waiting -= len(data)
            if self.waiting <= self.LIMIT and not self.transport.is_closing():
                self.transport.resume_reading()


def serve_delayed(port):
    """A port that leads to another with a round trip between them."""
    entrance = free_port()

    async def main():
        server = await asyncio.get_running_loop().create_server(lambda: Delay(port), "127.0.0.1", entrance)
        await server.serve_forever()

    # A process of its own: what it passes on must not wait for the upstream's Python.
    multiprocessing.Process(target=lambda: asyncio.run(main()), daemon=True).start()
    wait_for(entrance)
    return entrance


def serve_echo(port):
    async def main():
        server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", port, backlog=4096)
        await server.serve_forever()

    threading.Thread(target=lambda: asyncio.run(main()), daemon=True).start()
    wait_for(port)


def wrk(port, path, secure, connections, seconds, close):
    """Requests made; fails on any error."""
    scheme = "https" if secure else "http"
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-H", f"Host: {HOST}", f"{scheme}://127.0.0.1:{port}{path}"]
    if close:
        command += ["-H", "Connection: close"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output or ("Socket errors" in output and not close):
        sys.exit(f"bench: errors under load:\n{output}")
    return next(int(line.split()[0]) for line in output.splitlines() if " requests in " in line)


class Talker(asyncio.Protocol):
    """Sends a frame whenever its echo has come."""

    FRAME = b"\x82\xfe\0\x80\0\0\0\0" + b"x" * 128

    def __init__(self, host, talks):
        self.host, self.talks, self.count, self.received, self.is_open = host, talks, 0, 0, asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        self.transport = transport
        transport.write(
            f"GET /ws HTTP/1.1\r\nHost: {self.host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())

    def data_received(self, data):
        if not self.is_open.done():
            assert b" 101 " in data.split(b"\r\n")[0], data
            self.is_open.set_result(None)
            if self.talks:
                self.transport.write(self.FRAME)
            return
        self.received += len(data)
        while self.received >= len(self.FRAME):
            self.received -= len(self.FRAME)
            self.count += 1
            self.transport.write(self.FRAME)


def any_certificate(protocol):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols([protocol])
    return context


async def open_sockets(port, host, count, talks, context=None):
    loop, talkers = asyncio.get_running_loop(), []
    for _ in range(count):
        _, talker = await loop.create_connection(lambda: Talker(host, talks), "127.0.0.1", port, ssl=context)
        await talker.is_open
        talkers.append(talker)
    return talkers


def echo(port, host, count, seconds):
    async def main():
        talkers = await open_sockets(port, host, count, True)
        await asyncio.sleep(seconds)
        for talker in talkers:
            talker.transport.abort()
        return sum(talker.count for talker in talkers)

    return asyncio.run(main())


def bytes_per_socket(pid, port, host, count, secure):
    async def main():
        context = any_certificate("http/1.1") if secure else None
        first = await open_sockets(port, host, 50, False, context)  # what is needed once
        before = resident_bytes(pid)
        talkers = await open_sockets(port, host, count, False, context)
        if secure:
            await asyncio.sleep(IDLE_SECONDS)
        used = resident_bytes(pid) - before
        for talker in first + talkers:
            talker.transport.abort()
        return used / count

    return asyncio.run(main())


def h2load(port, host, path, connections, streams, *how):
    """Requests answered; fails on any error."""
    command = ["h2load", "-t1", f"-c{connections}", f"-m{streams}", *how, "-H", f":authority: {host}", f"https://127.0.0.1:{port}{path}"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    counts = dict((name, int(count)) for count, name in re.findall(r"(\d+) (succeeded|failed|errored|2xx|5xx|4xx|3xx)", output))
    # Requests that are open when the time is over count as failed with some versions, and as nothing with others.
    if not counts.get("2xx") or counts["3xx"] + counts["4xx"] + counts["5xx"] + counts["errored"]:
        sys.exit(f"bench: errors under load:\n{output}")
    return counts["2xx"], output


ways = {}


def upload(port, host, count, folder):
    """Bytes per second, all uploads together, over a long way: what the upstream has received of them in some seconds, from the first byte on."""
    if port not in ways:
        ways[port] = serve_delayed(port)
    body = folder / "upload"
    if not body.exists():
        with body.open("wb") as file:
            file.truncate(UPLOAD_BYTES)
    before = Echo.uploaded
    client = subprocess.Popen(
        ["h2load", "-t1", "-c1", f"-m{count}", "-n", str(count), "-d", str(body), "-H", f":authority: {host}", f"https://127.0.0.1:{ways[port]}/ws"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        began = time.monotonic()
        while Echo.uploaded == before:
            if client.poll() is not None or time.monotonic() - began > 10:
                sys.exit("bench: nothing of an upload has come")
            time.sleep(0.005)
        before, began = Echo.uploaded, time.monotonic()
        time.sleep(UPLOAD_SECONDS)
        return (Echo.uploaded - before) / (time.monotonic() - began)
    finally:
        client.kill()
        client.wait()
        # What is on its way still comes.
        last = -1
        while last != Echo.uploaded:
            last = Echo.uploaded
            time.sleep(2 * ROUND_TRIP_SECONDS)


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def literal(name, value):
    return b"\0" + bytes((len(name),)) + name.encode() + bytes((len(value),)) + value.encode()


def bytes_per_http2(pid, port, host, connections, streams):
    """Of a connection, or, where it has streams that wait for their answer, of a stream."""
    context = any_certificate("h2")
    head = b"".join(literal(*field) for field in ((":method", "GET"), (":scheme", "https"), (":authority", host), (":path", "/ws")))

    async def open_all(count):
        loop, transports = asyncio.get_running_loop(), []
        for _ in range(count):
            transport, _ = await loop.create_connection(asyncio.Protocol, "127.0.0.1", port, ssl=context)
            transport.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0) + frame(4, 1, 0))
            transports.append(transport)
        await asyncio.sleep(IDLE_SECONDS)
        return transports

    async def main():
        first = await open_all(50 if streams == 0 else connections)
        before = resident_bytes(pid)
        if streams == 0:
            transports, count = await open_all(connections), connections
        else:
            transports, count = [], connections * streams
            for transport in first:
                transport.write(b"".join(frame(1, 5, 2 * number + 1, head) for number in range(streams)))
            await asyncio.sleep(2)
        used = resident_bytes(pid) - before
        for transport in first + transports:
            transport.abort()
        return used / count

    return asyncio.run(main())


def measure(kind, argument, secure, subject, arguments, name):
    where, pids = (subject.tls_port, subject.tls_pids) if secure else (subject.port, subject.pids)
    host = f"ws-{HOST}" if name in OURS else HOST
    if kind == "memory":
        return bytes_per_socket(pids[0], where, host, argument, secure)
    if kind == "memory-h2":
        return bytes_per_http2(pids[0], where, host, *argument)
    if kind == "upload":
        return upload(where, host, argument, arguments.folder)
    before = cpu_of_all(pids)
    if kind == "h2load":
        path, connections, streams = argument
        count, _ = h2load(where, HOST, path, connections, streams, "-D", str(arguments.seconds))
    elif kind == "echo":
        count = echo(where, host, argument, arguments.seconds)
    else:
        count = wrk(where, argument, secure, arguments.connections, arguments.seconds, kind == "close")
    return (cpu_of_all(pids) - before) * 1e6 / count


def start_subjects(binary, before, peers, directory, web, sockets, threads):
    folder = directory / f"threads-{threads}"
    folder.mkdir()
    for name in ("cert.pem", "key.pem"):
        shutil.copy(directory / name, folder)
    subjects = {"ours": drone_proxy(binary, folder, web, sockets, threads)}
    if before:
        subjects["before"] = drone_proxy(before, folder, web, sockets, threads, "before")
    for peer in peers:
        subjects[peer] = {"nginx": nginx_proxy, "haproxy": haproxy, "caddy": caddy}[peer](folder, web, sockets, threads)
        wait_for(subjects[peer].port)
    return subjects


def rounds_of(kind, argument, secure, subjects, arguments):
    """What each round measured, by subject; the first round warms up, but for uploads and memory."""
    values = {name: [] for name in subjects}
    warms_up = kind != "upload" and not kind.startswith("memory")
    count = arguments.rounds + 1 if warms_up else UPLOAD_ROUNDS if kind == "upload" else 1
    for number in range(count):
        for name, subject in subjects.items():
            value = measure(kind, argument, secure, subject, arguments, name)
            if number > 0 or not warms_up:
                values[name].append(value)
    return values


def report(workload, values, budgets):
    """One line; whether every budget is kept."""
    middle = {name: statistics.median(rounds) for name, rounds in values.items()}
    peers = {name: value for name, value in middle.items() if name not in OURS}
    unit = "KiB" if workload.startswith("idle") else "MiB/s" if "upload" in workload else "µs"
    scale = {"KiB": 1024, "MiB/s": 1 << 20}.get(unit, 1)
    text = "  ".join(f"{name} {value / scale:7.1f} (best {(max if unit == 'MiB/s' else min)(values[name]) / scale:.1f})" for name, value in middle.items())
    ratios = ""
    if peers:
        best = (max if unit == "MiB/s" else min)(peers, key=peers.get)
        # A proxy that has been through much may have the memory for a few connections more.
        ratios += f"   ours / {best} = " + (f"{middle['ours'] / peers[best]:.2f}" if peers[best] > 0 else "–")
    if "before" in middle:
        # The two of one round are measured seconds apart: what slows the machine down for a while slows both.
        ratios += f"   ours / before = {statistics.median(ours / before for ours, before in zip(values['ours'], values['before']) if before > 0):.3f}"
    print(f"{workload:34} {text} {unit}{ratios}", flush=True)
    kept = True
    for peer, budget in budgets.items():
        if peer in ("least", "most"):
            if (middle["ours"] < budget) if peer == "least" else (middle["ours"] > budget):
                print(f"{'':34} {peer} is {budget / scale:.1f} {unit}: {middle['ours'] / scale:.1f}", flush=True)
                kept = False
            continue
        against = peers.get(best if peer == "best" and peers else peer)
        if against and middle["ours"] / against > budget:
            print(f"{'':34} above the budget of {budget} × {peer}: {middle['ours'] / against:.2f}", flush=True)
            kept = False
    return kept


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--http2", action="store_true")
    parser.add_argument("--only", action="append", choices=list(WORKLOADS) + list(WORKLOADS_HTTP2), help="may be given several times")
    parser.add_argument("--peers", default="nginx,haproxy,caddy")
    parser.add_argument("--proxy", default=".build/release/drone-proxy")
    parser.add_argument("--before", help="another drone-proxy, such as that of the last release, measured in the same rounds")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    peers = [peer for peer in arguments.peers.split(",") if shutil.which(peer)]
    for tool in ("nginx", "h2load" if arguments.http2 else "wrk", "openssl"):
        if not shutil.which(tool):
            sys.exit(f"bench: {tool} is not installed (apt-get install {tool})")

    started, directory = [], pathlib.Path(tempfile.mkdtemp(prefix="bench-proxy-"))
    arguments.folder = directory
    try:
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "1", "-subj", "/CN=bench",
             "-addext", "subjectAltName=IP:127.0.0.1",  # caddy serves no certificate for a name it is not for
             "-out", str(directory / "cert.pem"), "-keyout", str(directory / "key.pem")], check=True, capture_output=True)
        web, sockets, large = free_port(), free_port(), directory / "large"
        large.write_bytes(b"x" * 65536)
        master, _ = nginx(
            directory, "upstream",
            f"server {{ listen 127.0.0.1:{web} backlog=4096; location /small {{ return 200 ok; }} location /large {{ alias {large}; }} }}")
        started.append(master)
        serve_echo(sockets)
        results, kept = {}, True
        for threads in (1, 2) if arguments.growth else (arguments.threads,):
            subjects = start_subjects(arguments.proxy, arguments.before, peers, directory, web, sockets, threads)
            started += [process for subject in subjects.values() for process in subject.processes]
            if arguments.growth:
                for connections in (1, 8, 32, 128, 512) if threads == 1 else (128,):
                    arguments.connections = connections
                    values = rounds_of("wrk", "/small", False, subjects, arguments)
                    name = f"small, {connections} connections, {threads} thread{'s' if threads > 1 else ''}"
                    results[name] = values
                    report(name, values, {})
                continue
            for workload, (kind, argument, secure, budgets) in (WORKLOADS_HTTP2 if arguments.http2 else WORKLOADS).items():
                if arguments.only and workload not in arguments.only:
                    continue
                results[workload] = rounds_of(kind, argument, secure, subjects, arguments)
                kept = report(workload, results[workload], budgets) and kept
        if arguments.json:
            print(json.dumps(results, indent=2))
        sys.exit(not kept)
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
        for process in started:
            process.wait(timeout=30)
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
