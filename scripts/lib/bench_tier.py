#!/usr/bin/env python3
"""CPU of two proxies behind one another, gateway-proxy before drone-proxy, beside nginx before nginx and HAProxy before HAProxy: same upstream,
same machine, same run, one thread each, TLS at the front, interleaved rounds.

usage: scripts/bench tier [--rounds N] [--seconds S] [--connections C] [--only WORKLOAD] [--peers nginx,haproxy] [--json]

CPU of both hops together counts: load generator, upstream and proxies share the machine. Prints one line per workload with the ratio
ours / best peer, the latency that the second hop adds, and memory per idle WebSocket over both hops; exits 1 when a budget is not kept.
"""

import argparse, asyncio, hashlib, http.client, json, os, pathlib, shutil, signal, socket, sqlite3, ssl, statistics, subprocess, sys, tempfile, time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import bench_proxy
from bench_proxy import BACKEND, CLUSTER, Subject, cpu_of_all, free_port, nginx, resident_bytes, serve_echo, wait_for

SECRET = "0123456789abcdef0123456789abcdef"
SOCKETS = f"ws-{BACKEND}"
#             name: (kind, argument, budget against the best peer)
WORKLOADS = {
    "TLS small": ("wrk", "/small", 1.0),
    "TLS 64 KiB": ("wrk", "/large", 1.0),
    "WebSocket echo, 100": ("echo", 100, 1.0),
}
ADDED_LATENCY_BUDGET = 60e-6
IDLE_SOCKET_BUDGET = 4 * 1024


def token(name):
    """A token as gateways make them, always the same for a name."""
    import base64

    return base64.urlsafe_b64encode(hashlib.sha256(name.encode()).digest()).rstrip(b"=").decode()


class Bus:
    """As much of NATS as it takes to write streams."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.file = self.socket.makefile("rb")
        self.file.readline()
        self.socket.sendall(b'CONNECT {"verbose":false,"headers":true}\r\nSUB answer 1\r\n')

    def request(self, subject, body):
        payload = json.dumps(body).encode()
        self.socket.sendall(f"PUB {subject} answer {len(payload)}\r\n".encode() + payload + b"\r\n")
        while True:
            line = self.file.readline().split()
            if line[:1] == [b"PING"]:
                self.socket.sendall(b"PONG\r\n")
            elif line[:1] == [b"MSG"]:
                answer = json.loads(self.file.read(int(line[-1])))
                self.file.readline()
                if "error" in answer:
                    sys.exit(f"bench: nats-server refuses {subject}: {answer['error']}")
                return answer
            elif line[:1] == [b"-ERR"] or not line:
                sys.exit(f"bench: nats-server: {line}")

    def make_stream(self, name, subjects):
        self.request(
            f"$JS.API.STREAM.CREATE.{name}",
            {"name": name, "subjects": subjects, "retention": "limits", "storage": "file", "max_msgs_per_subject": 1, "num_replicas": 1})


def status(port, where):
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=insecure())
    connection.request("GET", where, headers={"Host": CLUSTER})
    return connection.getresponse().status


# Each starts two behind one another.


def tier(directory, web, sockets, binaries):
    drone, inner, outer, database = directory / "drone.toml", free_port(), free_port(), directory / "drone.sqlite3"
    drone.write_text(
        f'cluster_domain = "{CLUSTER}"\ndrone_id = "drone-1"\ndb_path = "{database}"\n[cert]\ncert_path = "{directory}/cert.pem"\n'
        f'key_path = "{directory}/key.pem"\n[proxy]\nbind_ip = "127.0.0.1"\nhttp_port = {free_port()}\nhttps_port = {outer}\n'
        f'inner_port = {inner}\ninner_tls = false\ninner_secret = "{SECRET}"\n')
    environment = dict(os.environ, NIO_SINGLETON_GROUP_LOOP_COUNT="1")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    second = subprocess.Popen([f"{binaries}/drone-proxy", str(drone)], env=environment, **quiet)
    wait_for(inner)
    with sqlite3.connect(database) as db:
        for name, upstream in ((BACKEND, web), (SOCKETS, sockets)):
            db.execute("INSERT INTO backend (name, spec, state) VALUES (?, '{}', 'Ready')", (name,))
            db.execute("INSERT INTO route (backend, subdomain, address, last_active) VALUES (?, ?, ?, 0)", (name, name, f"127.0.0.1:{upstream}"))
    nats_port, port, tls = free_port(), free_port(), free_port()
    nats = subprocess.Popen(
        ["nats-server", "--addr", "127.0.0.1", "--port", str(nats_port), "--jetstream", "--store_dir", str(directory / "nats")],
        env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin"), **quiet)
    wait_for(nats_port)
    bus = Bus(nats_port)
    bus.make_stream("plane_state", ["state.>"])
    bus.make_stream("plane_tokens", ["token.*", "revoked.*.*", "opened.*", "visited.*.*", "used.*"])
    place = f"state.cluster.{CLUSTER.replace('.', '_')}"
    metadata = {"drone": "drone-1", "Metadata": {"ip": "127.0.0.1", "version": "bench", "git_hash": None, "pool": "", "inner_port": inner}}
    bus.request(f"{place}.drone.drone-1.meta", {"cluster": CLUSTER, "DroneMessage": metadata})
    for name in (BACKEND, SOCKETS):
        assignment = {"backend": name, "Assignment": {"drone": "drone-1"}}
        bus.request(f"{place}.backend.{name}.assignment", {"cluster": CLUSTER, "BackendMessage": assignment})
        state = {"backend": name, "State": {"state": "Ready", "timestamp": 1}}
        bus.request(f"{place}.backend.{name}.state.Ready", {"cluster": CLUSTER, "BackendMessage": state})
        record = {"backend": name, "cluster": CLUSTER, "issued": "2030-01-01T00:00:00Z"}
        bus.request(f"token.{hashlib.sha256(token(name).encode()).hexdigest()}", record)
    front = directory / "gateway-proxy.toml"
    front.write_text(
        f'cluster_domain = "{CLUSTER}"\n[nats]\nhosts = ["127.0.0.1:{nats_port}"]\n[cert]\ncert_path = "{directory}/cert.pem"\n'
        f'key_path = "{directory}/key.pem"\n[proxy]\nbind_ip = "127.0.0.1"\nhttp_port = {port}\nhttps_port = {tls}\ninner_tls = false\n'
        f'inner_secret = "{SECRET}"\n')
    first = subprocess.Popen([f"{binaries}/gateway-proxy", str(front)], env=environment, **quiet)
    wait_for(tls)
    # It listens before it has read the streams, and answers 503 until then.
    end = time.monotonic() + 20
    while status(tls, path("ours", "wrk", "/small")) != 200:
        if time.monotonic() > end:
            sys.exit("bench: gateway-proxy does not reach the backend")
        time.sleep(0.05)
    pids = [first.pid, second.pid]
    return Subject([first, second, nats], port, tls, pids, pids), {"alone": outer}


def nginx_pair(directory, web, sockets, binaries):
    second, alone, tls = free_port(), free_port(), free_port()
    fields = (
        " proxy_http_version 1.1; proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr;"
        " proxy_set_header X-Forwarded-Proto $scheme;")
    upgrade = " proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; proxy_read_timeout 1h;"

    def server(listen, web, sockets):
        return (
            f"upstream u {{ server 127.0.0.1:{web}; keepalive 512; keepalive_requests 1000000000; }}\n"
            f"server {{ listen {listen}; {fields}\n location / {{ proxy_pass http://u; proxy_set_header Connection \"\"; }}\n"
            f" location /ws {{ proxy_pass http://127.0.0.1:{sockets}; {upgrade} }} }}")

    def secure(port):
        return (
            f"127.0.0.1:{port} ssl http2 backlog=4096; ssl_certificate {directory}/cert.pem; ssl_certificate_key {directory}/key.pem;"
            " ssl_protocols TLSv1.2 TLSv1.3")

    back, back_pids = nginx(directory, "second", server(f"127.0.0.1:{second} backlog=4096; listen {secure(alone)}", web, sockets))
    front, front_pids = nginx(directory, "first", server(secure(tls), second, second))
    pids = front_pids + back_pids
    return Subject([front, back], tls, tls, pids, pids), {"alone": alone}


def haproxy_pair(directory, web, sockets, binaries):
    second, alone, tls = free_port(), free_port(), free_port()
    (directory / "both.pem").write_text((directory / "cert.pem").read_text() + (directory / "key.pem").read_text())

    def start(name, bind, web, sockets):
        config = directory / f"{name}.cfg"
        config.write_text(
            "global\n nbthread 1\n maxconn 8000\ndefaults\n mode http\n timeout connect 5s\n timeout client 75s\n timeout server 75s\n"
            " timeout tunnel 1h\n http-reuse always\n option forwardfor\n"
            f"frontend f\n bind 127.0.0.1:{bind} backlog 4096\n http-request set-header X-Forwarded-Proto https\n"
            f" use_backend sockets if {{ path /ws }}\n default_backend web\n"
            f"backend web\n server s 127.0.0.1:{web} pool-max-conn 512\nbackend sockets\n server s 127.0.0.1:{sockets}\n")
        return subprocess.Popen(["haproxy", "-db", "-f", str(config)], stderr=subprocess.DEVNULL)

    def secure(port):
        return f"{port} ssl crt {directory}/both.pem alpn h2,http/1.1"

    back = start("second", f"{second} backlog 4096\n bind 127.0.0.1:{secure(alone)}", web, sockets)
    front = start("first", secure(tls), second, second)
    pids = [front.pid, back.pid]
    return Subject([front, back], tls, tls, pids, pids), {"alone": alone}


# Load


def path(name, kind, rest):
    """Through the tier a path begins with a token."""
    return f"/{token(SOCKETS if kind == 'echo' else BACKEND)}{rest}" if name == "ours" else rest


def insecure():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def open_sockets(port, where, count, talks):
    loop, talkers = asyncio.get_running_loop(), []

    class Talker(bench_proxy.Talker):
        def connection_made(self, transport):
            self.transport = transport
            transport.write(
                f"GET {where} HTTP/1.1\r\nHost: {CLUSTER}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())

    for _ in range(count):
        _, talker = await loop.create_connection(lambda: Talker(CLUSTER, talks), "127.0.0.1", port, ssl=insecure())
        await talker.is_open
        talkers.append(talker)
    return talkers


def echo(port, where, count, seconds):
    async def main():
        talkers = await open_sockets(port, where, count, True)
        await asyncio.sleep(seconds)
        for talker in talkers:
            talker.transport.abort()
        return sum(talker.count for talker in talkers)

    return asyncio.run(main())


def wrk(port, where, connections, seconds):
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-H", f"Host: {CLUSTER}", f"https://127.0.0.1:{port}{where}"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        sys.exit(f"bench: errors under load:\n{output}")
    return next(int(line.split()[0]) for line in output.splitlines() if " requests in " in line)


def measure(name, subject, kind, argument, arguments):
    before = cpu_of_all(subject.tls_pids)
    if kind == "echo":
        count = echo(subject.tls_port, path(name, kind, "/ws"), argument, arguments.seconds)
    else:
        count = wrk(subject.tls_port, path(name, kind, argument), arguments.connections, arguments.seconds)
    return (cpu_of_all(subject.tls_pids) - before) * 1e6 / count


def idle_socket(name, subject):
    """Bytes of both hops for one WebSocket on which nothing happens."""

    async def main():
        first = await open_sockets(subject.tls_port, path(name, "echo", "/ws"), 50, False)
        await asyncio.sleep(bench_proxy.IDLE_SECONDS)
        before = sum(resident_bytes(pid) for pid in subject.tls_pids)
        talkers = await open_sockets(subject.tls_port, path(name, "echo", "/ws"), 1000, False)
        await asyncio.sleep(bench_proxy.IDLE_SECONDS)
        used = sum(resident_bytes(pid) for pid in subject.tls_pids) - before
        for talker in first + talkers:
            talker.transport.abort()
        return used / 1000

    return asyncio.run(main())


def latency(connection, where, fields, count):
    """Seconds of the middle one of so many requests, one after the other on one connection."""
    times = []
    for _ in range(count):
        start = time.perf_counter()
        connection.request("GET", where, headers=fields)
        response = connection.getresponse()
        response.read()
        if response.status != 200:
            sys.exit(f"bench: {response.status} instead of a response")
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def latencies(name, subject, ends):
    """Seconds of a request over TLS, at the median: to the first proxy, and to the second one itself, in turns."""
    both = http.client.HTTPSConnection("127.0.0.1", subject.tls_port, context=insecure())
    alone = http.client.HTTPSConnection("127.0.0.1", ends["alone"], context=insecure())
    host = f"{BACKEND}.{CLUSTER}"
    turns = [
        (
            latency(both, path(name, "wrk", "/small"), {"Host": CLUSTER if name == "ours" else host}, 250),
            latency(alone, "/small", {"Host": host}, 250),
        )
        for _ in range(9)
    ]
    return [statistics.median(times) for times in zip(*turns[1:])]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--only", action="append", choices=[*WORKLOADS, "idle WebSocket", "added latency"])
    parser.add_argument("--peers", default="nginx,haproxy")
    parser.add_argument("--binaries", default=".build/release")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    peers = [peer for peer in arguments.peers.split(",") if shutil.which(peer)]
    for tool in ("nginx", "wrk", "openssl"):
        if not shutil.which(tool):
            sys.exit(f"bench: {tool} is not installed (apt-get install {tool})")

    started, directory, kept, results = [], pathlib.Path(tempfile.mkdtemp(prefix="bench-tier-")), True, {}

    def wanted(name):
        return not arguments.only or name in arguments.only

    try:
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "1", "-subj", "/CN=bench",
             "-addext", f"subjectAltName=DNS:{CLUSTER},IP:127.0.0.1", "-out", str(directory / "cert.pem"), "-keyout", str(directory / "key.pem")],
            check=True, capture_output=True)
        web, sockets, large = free_port(), free_port(), directory / "large"
        large.write_bytes(b"x" * 65536)
        master, _ = nginx(
            directory, "upstream",
            f"server {{ listen 127.0.0.1:{web} backlog=4096; location /small {{ return 200 ok; }} location /large {{ alias {large}; }} }}")
        started.append(master)
        serve_echo(sockets)
        subjects, ends = {}, {}
        for name in ["ours", *peers]:
            folder = directory / name
            folder.mkdir()
            for file in ("cert.pem", "key.pem"):
                shutil.copy(directory / file, folder)
            start = {"ours": tier, "nginx": nginx_pair, "haproxy": haproxy_pair}[name]
            subjects[name], ends[name] = start(folder, web, sockets, arguments.binaries)
            started += subjects[name].processes
            wait_for(subjects[name].tls_port)
        for workload, (kind, argument, budget) in WORKLOADS.items():
            if not wanted(workload):
                continue
            values = {name: [] for name in subjects}
            for number in range(arguments.rounds + 1):
                for name, subject in subjects.items():
                    value = measure(name, subject, kind, argument, arguments)
                    if number > 0:  # the first round warms up
                        values[name].append(value)
            results[workload] = values
            kept = bench_proxy.report(workload, values, {"best": budget} if peers else {}) and kept if peers else kept
        if wanted("idle WebSocket"):
            sizes = {name: idle_socket(name, subject) for name, subject in subjects.items()}
            results["idle WebSocket"] = sizes
            print(f"{'idle WebSocket, both hops':34} " + "  ".join(f"{name} {size / 1024:7.1f}" for name, size in sizes.items()) + " KiB", flush=True)
            if sizes["ours"] > IDLE_SOCKET_BUDGET:
                print(f"{'':34} above the budget of {IDLE_SOCKET_BUDGET / 1024:.0f} KiB", flush=True)
                kept = False
        if wanted("added latency"):
            measured = {name: [] for name in subjects}
            for _ in range(arguments.rounds):
                for name, subject in subjects.items():
                    measured[name].append(latencies(name, subject, ends[name]))
            added = {}
            for name, rounds in measured.items():
                added[name] = statistics.median(both - alone for both, alone in rounds)
                both, alone = (statistics.median(times) for times in zip(*rounds))
                print(f"{'latency of the second hop':34} {name:8} {added[name] * 1e6:7.1f} µs   both {both * 1e6:7.1f}   second alone {alone * 1e6:7.1f}", flush=True)
            results["added latency"] = added
            if added["ours"] > ADDED_LATENCY_BUDGET:
                print(f"{'':34} above the budget of {ADDED_LATENCY_BUDGET * 1e6:.0f} µs", flush=True)
                kept = False
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
