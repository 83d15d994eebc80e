#!/usr/bin/env python3
"""What the tier promises under load, shown with the real programs: nats-server, proxies of the tier, proxies of drones.

usage: scripts/bench tier-revocation [--tiers N] [--drones N] [--users N]
       scripts/bench tier-replacement [--replacements N] [--rate R] [--websockets W]
       scripts/bench tier-partition [--seconds S] [--rate R] [--websockets W]

tier-revocation    a WebSocket of each user on each proxy of the tier to each drone; users, and then backends, are revoked by the gateway. How long it takes
                   until each of their WebSockets is closed with 1008, whether the gateway counts them all, and whether a proxy that is started afterwards,
                   or again, refuses the tokens.
tier-replacement   the proxies of tier and drone are replaced in turn by SIGHUP under load: does a request fail, is a WebSocket closed? Then the drone's is
                   killed (-9): how soon is there an answer, and how soon after its return is it used again?
tier-partition     nats-server is stopped under load: what goes on, what does not, and what is made up for when it is back.

Each prints what it has seen as JSON, and exits with 1 where a promise is not kept.
"""

import argparse, asyncio, base64, hashlib, http.client, json, os, pathlib, re, resource, shutil, signal, socket, sqlite3, statistics, subprocess, sys, tempfile, time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from bench_proxy import free_port
from bench_tier import Bus, token

CLUSTER, SECRET = "drill.test", "0123456789abcdef0123456789abcdef"
PLACE = f"state.cluster.{CLUSTER.replace('.', '_')}"
POLICY_VIOLATION = 1008
KEPT_CONNECTIONS = 16


class World:
    """Programs and their files, all of which are gone when it ends."""

    def __init__(self, binaries):
        self.binaries, self.processes, self.logs = pathlib.Path(binaries), {}, {}

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tier-drill-"))
        self.nats_port = free_port()
        self.start_nats()
        return self

    def __exit__(self, *_):
        for name in list(self.processes):
            self.end(name)
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, name, *command, **environment):
        self.logs[name] = self.folder / f"{name}.log"
        self.logs[name].unlink(missing_ok=True)
        with open(self.logs[name], "a") as log:
            self.processes[name] = subprocess.Popen(
                [str(part) for part in command], env=dict(os.environ, **environment), stdout=log, stderr=log)

    def end(self, name):
        """Ends a program, and its successors if it was replaced."""
        process = self.processes.pop(name)
        for pid in [process.pid, *self.successors(name)]:
            try:
                os.kill(pid, signal.SIGTERM)
            except ProcessLookupError:
                pass
        try:
            process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def successors(self, name):
        """Of a proxy that was replaced, in their order."""
        return [int(pid) for pid in re.findall(r"successor has taken over.*successor=(\d+)", self.logs[name].read_text(errors="replace"))]

    def wait_for_line(self, name, text, limit=60):
        end = time.monotonic() + limit
        while text not in self.logs[name].read_text(errors="replace"):
            if time.monotonic() > end or (self.processes[name].poll() is not None and not self.successors(name)):
                sys.exit(f"tier drill: {name} does not say \"{text}\":\n{self.logs[name].read_text(errors='replace')[-3000:]}")
            time.sleep(0.02)

    def wait_for_port(self, name, port, limit=30):
        end = time.monotonic() + limit
        while True:
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", port)) == 0:
                    return
            if time.monotonic() > end or self.processes[name].poll() is not None:
                sys.exit(f"tier drill: {name} does not listen on port {port}:\n{self.logs[name].read_text(errors='replace')[-3000:]}")
            time.sleep(0.01)

    # NATS

    def start_nats(self):
        self.start(
            "nats-server", "nats-server", "--addr", "127.0.0.1", "--port", self.nats_port, "--jetstream", "--store_dir", self.folder / "nats",
            PATH=os.environ["PATH"] + ":/usr/sbin")
        self.wait_for_port("nats-server", self.nats_port)
        self.bus = Bus(self.nats_port)

    def make_streams(self):
        self.bus.make_stream("plane_state", ["state.>"])
        self.bus.make_stream("plane_tokens", ["token.*", "revoked.*.*", "opened.*", "visited.*.*", "used.*"])

    def put(self, subject, content, kind="BackendMessage"):
        self.bus.request(f"{PLACE}.{subject}", {"cluster": CLUSTER, kind: content})

    def put_drone(self, drone, inner_port):
        metadata = {"ip": "127.0.0.1", "version": "drill", "git_hash": None, "pool": "", "inner_port": inner_port}
        self.put(f"drone.{drone}.meta", {"drone": drone, "Metadata": metadata}, "DroneMessage")

    def put_backend(self, backend, drone):
        self.put(f"backend.{backend}.assignment", {"backend": backend, "Assignment": {"drone": drone}})
        self.put(f"backend.{backend}.state.Ready", {"backend": backend, "State": {"state": "Ready", "timestamp": int(time.time() * 1000)}})

    def put_token(self, name, backend, user=None):
        record = {"backend": backend, "cluster": CLUSTER, "issued": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
        if user:
            record["user"] = user
        self.bus.request(f"token.{hashlib.sha256(token(name).encode()).hexdigest()}", record)

    # Programs

    def start_backend(self):
        port = free_port()
        self.start("demo-backend", self.binaries / "demo-backend", PORT=str(port))
        self.wait_for_port("demo-backend", port)
        return port

    def start_drone(self, name, backends, inner_port=None):
        """A drone's proxy with a port for the tier, which leads to all these backends: by name, their ports."""
        inner_port, database, settings = inner_port or free_port(), self.folder / f"{name}.sqlite3", self.folder / f"{name}.toml"
        settings.write_text(
            f'cluster_domain = "{CLUSTER}"\ndrone_id = "{name}"\ndb_path = "{database}"\n[proxy]\nbind_ip = "127.0.0.1"\nhttp_port = {free_port()}\n'
            f'inner_port = {inner_port}\ninner_secret = "{SECRET}"\n[proxy.limits]\nmax_connections_per_address = 0\nupstream_idle_timeout_secs = 1\n')
        self.start(name, self.binaries / "drone-proxy", settings)
        self.wait_for_port(name, inner_port)
        with sqlite3.connect(database) as db:
            for backend, port in backends.items():
                db.execute("INSERT INTO backend (name, spec, state) VALUES (?, '{}', 'Ready')", (backend,))
                db.execute(
                    "INSERT INTO route (backend, subdomain, address, last_active) VALUES (?, ?, ?, 0)", (backend, backend, f"127.0.0.1:{port}"))
        return inner_port

    def start_tier(self, name, keys=()):
        """Returns its port, and that of its metrics."""
        port, metrics, settings = free_port(), free_port(), self.folder / f"{name}.toml"
        settings.write_text(
            f'cluster_domain = "{CLUSTER}"\ndrone_id = "{name}"\n[nats]\nhosts = ["127.0.0.1:{self.nats_port}"]\n[proxy]\nbind_ip = "127.0.0.1"\n'
            f'http_port = {port}\ninner_secret = "{SECRET}"\n' + (f"token_keys = {json.dumps(list(keys))}\n" if keys else "") + f"[proxy.metrics]\nport = {metrics}\n"
            "[proxy.limits]\nmax_connections_per_address = 0\nupstream_idle_timeout_secs = 1\n")
        self.start(name, self.binaries / "gateway-proxy", settings)
        self.wait_for_port(name, port)
        self.wait_for_line(name, "the state of the fleet is known")
        return port, metrics

    def start_control(self):
        """A scheduler and a gateway. Returns the gateway's port."""
        port, settings = free_port(), self.folder / "controller.toml"
        settings.write_text(
            f'[nats]\nhosts = ["127.0.0.1:{self.nats_port}"]\n[scheduler]\nlost_after_secs = 0\n[gateway]\nbind_ip = "127.0.0.1"\nhttp_port = {port}\n'
            f'default_cluster = "{CLUSTER}"\nproxy_tier = true\naudit = false\n')
        self.start("scheduler", self.binaries / "scheduler", settings)
        self.wait_for_line("scheduler", "scheduler is ready")
        self.start("gateway", self.binaries / "gateway", settings)
        self.wait_for_line("gateway", "gateway is ready")
        return port

    async def replace(self, name):
        before = self.successors(name)
        os.kill(before[-1] if before else self.processes[name].pid, signal.SIGHUP)
        for _ in range(30_000):
            if len(self.successors(name)) > len(before):
                return
            await asyncio.sleep(0.002)
        sys.exit(f"tier drill: {name} has no successor:\n{self.logs[name].read_text(errors='replace')[-3000:]}")


# Visitors


def path(name, rest="/healthz"):
    return f"/{token(name)}{rest}"


async def read_response(reader):
    """Status and fields, in lower case; the body is read too."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin1").lower()
    length = re.search(r"\r\ncontent-length: *(\d+)", head)
    if length:
        await reader.readexactly(int(length.group(1)))
    return int(head[9:12]), head


async def ask(port, where, limit=20):
    """One request on a connection of its own."""

    async def exchange():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(f"GET {where} HTTP/1.1\r\nHost: {CLUSTER}\r\nConnection: close\r\n\r\n".encode())
            return await read_response(reader)
        finally:
            writer.close()

    return await asyncio.wait_for(exchange(), limit)


class Socket(asyncio.Protocol):
    """A WebSocket of a visitor. Notes when it is closed, and with which code."""

    def __init__(self, where):
        self.where, self.head, self.closed_at, self.code, self.echoes = where, b"", None, None, 0
        loop = asyncio.get_running_loop()
        self.is_open, self.is_over, self.waits = loop.create_future(), loop.create_future(), None

    def connection_made(self, transport):
        self.transport = transport
        transport.write(
            f"GET {self.where} HTTP/1.1\r\nHost: {CLUSTER}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())

    def data_received(self, data):
        if not self.is_open.done():
            self.head += data
            if b"\r\n\r\n" in self.head:
                if self.head.startswith(b"HTTP/1.1 101 "):
                    self.is_open.set_result(None)
                else:
                    self.is_open.set_exception(OSError(self.head[:40].decode("latin1")))
            return
        if data[0] == 0x88:
            self.note(int.from_bytes(data[2:4], "big"))
            self.transport.write(b"\x88\x82\0\0\0\0" + data[2:4])
            self.transport.close()
        else:
            self.echoes += 1
            if self.waits and not self.waits.done():
                self.waits.set_result(None)

    def connection_lost(self, error):
        if not self.is_open.done():
            self.is_open.set_exception(error or OSError("closed"))
        self.note(None)

    def note(self, code):
        if self.closed_at is None:
            self.closed_at, self.code = time.monotonic(), code
            if not self.is_over.done():
                self.is_over.set_result(None)
            if self.waits and not self.waits.done():
                self.waits.set_exception(OSError("closed"))

    async def talk(self, stop):
        """A message a second, each of which has to come back."""
        while not stop.is_set() and self.closed_at is None:
            self.waits = asyncio.get_running_loop().create_future()
            self.transport.write(b"\x81\x84\0\0\0\0ping")
            try:
                await asyncio.wait_for(self.waits, 20)
            except (OSError, asyncio.TimeoutError):
                self.note(None)
                return
            await asyncio.sleep(1)


async def open_socket(port, where):
    _, socket = await asyncio.get_running_loop().create_connection(lambda: Socket(where), "127.0.0.1", port)
    await asyncio.wait_for(socket.is_open, 30)
    return socket


class Load:
    """A steady stream of requests, half of them on kept connections, and WebSockets that talk."""

    def __init__(self, port, where, rate, sockets):
        self.port, self.where, self.rate, self.count = port, where, rate, sockets
        self.requests, self.failures, self.stop, self.tasks, self.times = 0, {}, asyncio.Event(), [], []

    async def __aenter__(self):
        self.sockets = [await open_socket(self.port, self.where.replace("/healthz", "/ws")) for _ in range(self.count)]
        self.tasks = [asyncio.create_task(socket.talk(self.stop)) for socket in self.sockets]
        self.tasks += [asyncio.create_task(self.kept(2 * KEPT_CONNECTIONS / self.rate)) for _ in range(KEPT_CONNECTIONS)]
        self.tasks.append(asyncio.create_task(self.single(2 / self.rate)))
        return self

    async def __aexit__(self, *_):
        self.stop.set()
        await asyncio.wait(self.tasks)

    def fail(self, reason):
        self.failures[str(reason)[:100]] = self.failures.get(str(reason)[:100], 0) + 1

    @property
    def failed(self):
        return sum(self.failures.values())

    @property
    def closed(self):
        return sum(socket.closed_at is not None for socket in self.sockets)

    def note(self, status, began):
        if status != 200:
            self.fail(f"status {status}")
        self.times.append(time.monotonic() - began)

    async def kept(self, interval):
        writer, due = None, time.monotonic()
        while not self.stop.is_set():
            due += interval
            await asyncio.sleep(max(0, due - time.monotonic()))
            began = time.monotonic()
            self.requests += 1
            try:
                if writer is None:
                    reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.write(f"GET {self.where} HTTP/1.1\r\nHost: {CLUSTER}\r\n\r\n".encode())
                status, head = await asyncio.wait_for(read_response(reader), 20)
                self.note(status, began)
                ends = "\r\nconnection: close" in head
            except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError) as error:
                self.fail(f"{type(error).__name__}: {error}")
                ends = True
            if ends and writer is not None:
                writer.close()
                writer = None
        if writer is not None:
            writer.close()

    async def single(self, interval):
        due, running = time.monotonic(), set()
        while not self.stop.is_set():
            due += interval
            await asyncio.sleep(max(0, due - time.monotonic()))
            task = asyncio.create_task(self.one())
            running.add(task)
            task.add_done_callback(running.discard)
        if running:
            await asyncio.wait(running)

    async def one(self):
        began = time.monotonic()
        self.requests += 1
        try:
            status, _ = await ask(self.port, self.where)
            self.note(status, began)
        except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError) as error:
            self.fail(f"{type(error).__name__}: {error}")

    def seen(self):
        times = sorted(self.times)
        return {
            "requests": self.requests, "failed": self.failed, "reasons": dict(self.failures), "websockets": len(self.sockets), "websockets_closed": self.closed,
            "echoes": sum(socket.echoes for socket in self.sockets),
            "p50_ms": milliseconds(times[len(times) // 2]), "p99_ms": milliseconds(times[len(times) * 99 // 100])}


def milliseconds(seconds):
    return round(seconds * 1000, 1)


def metric(port, name):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    found = re.search(rf"^{name} (\S+)$", text, re.MULTILINE)
    return float(found.group(1)) if found else None


# Revocation


def revoke(port, body):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/ctrl/revocations", json.dumps(body), {"Content-Type": "application/json"})
    response = connection.getresponse()
    text = response.read().decode()
    if response.status != 200:
        sys.exit(f"tier drill: a revocation was answered with {response.status}: {text}")
    return json.loads(text)


async def revocation(arguments):
    promises = []
    with World(arguments.binaries) as world:
        gateway = world.start_control()
        backend_port = world.start_backend()
        drones = {f"drone-{number}": f"b-{number}" for number in range(arguments.drones)}
        for drone, backend in drones.items():
            world.put_drone(drone, world.start_drone(drone, {backend: backend_port}))
            world.put_backend(backend, drone)
        users = [f"u-{number}" for number in range(arguments.users)]
        for user in users:
            for backend in drones.values():
                world.put_token(f"{user}/{backend}", backend, user)
        tiers = {f"px-{number}": world.start_tier(f"px-{number}")[0] for number in range(arguments.tiers)}

        places = [(user, backend, port) for user in users for backend in drones.values() for port in tiers.values()]
        sockets = {}
        for start in range(0, len(places), 50):
            part = places[start:start + 50]
            opened = await asyncio.gather(*(open_socket(port, path(f"{user}/{backend}", "/ws")) for user, backend, port in part))
            sockets.update(zip(part, opened))
        # Gateways know of proxies by what these say every 10 s.
        await asyncio.sleep(11)

        times, counted, answered, expected = [], 0, 0, 0

        async def end(body, meant):
            nonlocal counted, answered, expected
            began = time.monotonic()
            answer = await asyncio.to_thread(revoke, gateway, body)
            await asyncio.wait([socket.is_over for socket in meant], timeout=20)
            times.extend((socket.closed_at or began + 20) - began for socket in meant)
            counted += answer["ended"]
            expected += len(meant)
            answered += answer["answered"] == arguments.tiers

        calls = 0
        for user in users[: arguments.users * 2 // 5]:
            await end({"user": user}, [socket for place, socket in sockets.items() if place[0] == user])
            calls += 1
        single = len(times)
        unexpected = sum(socket.closed_at is not None for socket in sockets.values()) - single
        left = {backend: [socket for place, socket in sockets.items() if place[1] == backend and socket.closed_at is None] for backend in drones.values()}
        await asyncio.gather(*(end({"backend_id": backend}, meant) for backend, meant in left.items()))
        calls += len(left)
        codes = {str(code): sum(socket.code == code for socket in sockets.values()) for code in {socket.code for socket in sockets.values()}}

        # One that comes later, and one that was started again.
        name = path(f"{users[0]}/{drones['drone-0']}")
        late = world.start_tier("px-late")[0]
        world.end("px-0")
        again = world.start_tier("px-0")[0]
        refused = [(await ask(port, name))[0] for port in (late, again)]
        world.put_token("made afterwards", drones["drone-0"], users[0])
        renewed = [(await ask(port, path("made afterwards")))[0] for port in (late, again, *list(tiers.values())[1:])]

        def spread(values):
            values = sorted(values)
            return {"p50_ms": milliseconds(statistics.median(values)), "p99_ms": milliseconds(values[len(values) * 99 // 100]), "max_ms": milliseconds(values[-1])}

        seen = {
            "proxies": arguments.tiers, "websockets": len(sockets), "calls": calls, "by_user": spread(times[:single]), "by_backend": spread(times[single:]),
            "all": spread(times), "close_codes": codes, "counted_by_gateway": counted, "calls_that_all_answered": answered, "closed_that_were_not_meant": unexpected,
            "status_at_late_and_restarted_proxy": refused, "status_of_a_later_token": sorted(set(renewed))}
        promises = [
            seen["all"]["p99_ms"] <= 1000, codes == {str(POLICY_VIOLATION): len(sockets)}, counted == expected == len(sockets), answered == calls,
            unexpected == 0, refused == [410, 410], set(renewed) == {200}]
    return seen, promises


# Replacement


async def replacement(arguments):
    with World(arguments.binaries) as world:
        world.make_streams()
        backend_port = world.start_backend()
        inner_port = world.start_drone("drone-0", {"b-0": backend_port})
        world.put_drone("drone-0", inner_port)
        world.put_backend("b-0", "drone-0")
        world.put_token("visitor", "b-0")
        port, _ = world.start_tier("px-0")
        async with Load(port, path("visitor"), arguments.rate, arguments.websockets) as load:
            await asyncio.sleep(1)
            began = time.monotonic()
            for number in range(arguments.replacements):
                await world.replace("drone-0" if number % 2 else "px-0")
                await asyncio.sleep(arguments.pause)
            await asyncio.sleep(1)
            seen = {"replacements": arguments.replacements, "seconds": round(time.monotonic() - began, 1), **load.seen()}
        await asyncio.sleep(1)

        # The drone's proxy is killed, with those of its predecessors that are still there.
        for pid in [world.processes["drone-0"].pid, *world.successors("drone-0")]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        world.processes.pop("drone-0").wait()
        answers = []
        for _ in range(20):
            began = time.monotonic()
            status, head = await ask(port, path("visitor"))
            answers.append((status, "\r\nretry-after: " in head, time.monotonic() - began))
        world.start("drone-0", world.binaries / "drone-proxy", world.folder / "drone-0.toml")
        world.wait_for_port("drone-0", inner_port)
        back = time.monotonic()
        while (await ask(port, path("visitor")))[0] != 200 and time.monotonic() - back < 20:
            await asyncio.sleep(0.005)
        seen |= {
            "killed": {
                "status": sorted({status for status, _, _ in answers}), "with_retry_after": sum(says for _, says, _ in answers), "of": len(answers),
                "slowest_answer_ms": milliseconds(max(took for _, _, took in answers)), "used_again_after_ms": milliseconds(time.monotonic() - back)}}
        killed = seen["killed"]
        promises = [
            seen["failed"] == 0, seen["websockets_closed"] == 0, killed["status"] == [502], killed["with_retry_after"] == killed["of"],
            killed["slowest_answer_ms"] < 1000, killed["used_again_after_ms"] <= 1000]
    return seen, promises


# Partition


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class SigningKey:
    """An Ed25519 key as a gateway has one, by openssl."""

    def __init__(self, folder):
        self.file, self.folder = folder / "token.pem", folder
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", self.file], check=True, capture_output=True)
        # The key itself is what the last 32 bytes of SubjectPublicKeyInfo are (RFC 8410 §4).
        public = subprocess.run(["openssl", "pkey", "-in", self.file, "-pubout", "-outform", "DER"], check=True, capture_output=True).stdout[-32:]
        self.public = base64url(public)
        # RFC 7638 §3, RFC 8037 appendix A.3.
        self.id = base64url(hashlib.sha256(f'{{"crv":"Ed25519","kty":"OKP","x":"{self.public}"}}'.encode()).digest())

    def token(self, backend):
        now = int(time.time())
        claims = {"aud": CLUSTER, "backend": backend, "jti": "drill", "iat": now, "exp": now + 3600}
        text = ".".join(base64url(json.dumps(part).encode()) for part in ({"alg": "EdDSA", "kid": self.id, "typ": "JWT"}, claims))
        (self.folder / "text").write_text(text)
        signature = subprocess.run(
            ["openssl", "pkeyutl", "-sign", "-inkey", self.file, "-rawin", "-in", self.folder / "text"], check=True, capture_output=True).stdout
        return f"{text}.{base64url(signature)}"


async def partition(arguments):
    with World(arguments.binaries) as world:
        key = SigningKey(world.folder)
        world.make_streams()
        backend_port = world.start_backend()
        world.put_drone("drone-0", world.start_drone("drone-0", {"b-0": backend_port}))
        world.put_backend("b-0", "drone-0")
        for name in ("visitor", "not known yet"):
            world.put_token(name, "b-0", "u-0" if name == "visitor" else None)
        port, metrics = world.start_tier("px-0", [key.public])
        signed = f"/{key.token('b-0')}/healthz"
        async with Load(port, path("visitor"), arguments.rate, arguments.websockets) as load:
            await asyncio.sleep(2)
            before = load.requests
            process = world.processes.pop("nats-server")
            process.kill()
            process.wait()
            began = time.monotonic()
            await asyncio.sleep(2)
            status, head = await ask(port, path("not known yet"))
            away = {
                "an unknown random token": status, "which has Retry-After": "\r\nretry-after: " in head,
                "a signed token": (await ask(port, signed))[0], "plane_tier_nats_is_connected": metric(metrics, "plane_tier_nats_is_connected"),
                "plane_tier_state_is_known": metric(metrics, "plane_tier_state_is_known")}
            await asyncio.sleep(max(0, arguments.seconds - (time.monotonic() - began)))
            away |= {"seconds": round(time.monotonic() - began), "requests": load.requests - before, "failed": load.failed, "websockets_closed": load.closed}
            world.start_nats()
            back, unknown = time.monotonic(), 0
            while time.monotonic() - back < 60:
                unknown = (await ask(port, path("not known yet")))[0]
                if unknown == 200:
                    break
                await asyncio.sleep(0.02)
            known_again = time.monotonic() - back
            seen = {"away": away, **load.seen(), "the unknown token afterwards": unknown, "it is known after ms": milliseconds(known_again)}
            # What was revoked reaches the proxy by the new connection.
            revoked = time.monotonic()
            world.bus.request(
                f"revoked.b-0.{hashlib.sha256(b'u-0').hexdigest()}", {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())})
            await asyncio.wait([socket.is_over for socket in load.sockets], timeout=20)
            seen |= {
                "closed_by_a_revocation_afterwards": sum(socket.code == POLICY_VIOLATION for socket in load.sockets),
                "after_ms": milliseconds(max((socket.closed_at or revoked + 20) - revoked for socket in load.sockets))}
        promises = [
            away["failed"] == 0, away["websockets_closed"] == 0, away["an unknown random token"] == 503, away["which has Retry-After"],
            away["a signed token"] == 200, away["plane_tier_nats_is_connected"] == 0, away["plane_tier_state_is_known"] == 1, unknown == 200,
            seen["failed"] == 0, seen["closed_by_a_revocation_afterwards"] == len(load.sockets)]
    return seen, promises


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binaries", default=".build/release")
    drills = parser.add_subparsers(dest="drill", required=True)
    drill = drills.add_parser("revocation")
    drill.add_argument("--tiers", type=int, default=10)
    drill.add_argument("--drones", type=int, default=4)
    drill.add_argument("--users", type=int, default=250)
    drill = drills.add_parser("replacement")
    drill.add_argument("--replacements", type=int, default=100)
    drill.add_argument("--rate", type=float, default=2000)
    drill.add_argument("--websockets", type=int, default=500)
    drill.add_argument("--pause", type=float, default=0.2, help="seconds from one replacement to the next")
    drill = drills.add_parser("partition")
    drill.add_argument("--seconds", type=int, default=300, help="how long NATS is away")
    drill.add_argument("--rate", type=float, default=500)
    drill.add_argument("--websockets", type=int, default=200)
    arguments = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    seen, promises = asyncio.run({"revocation": revocation, "replacement": replacement, "partition": partition}[arguments.drill](arguments))
    print(json.dumps(seen, indent=2))
    for number, kept in enumerate(promises):
        if not kept:
            print(f"tier drill: promise {number + 1} of {len(promises)} is not kept", file=sys.stderr)
    sys.exit(not all(promises))


if __name__ == "__main__":
    main()
