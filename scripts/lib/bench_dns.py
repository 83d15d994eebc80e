#!/usr/bin/env python3
"""Our dns beside knotd, nsd and named: same names, same questions, same run, one core each, alternating rounds.

usage: scripts/bench dns [--names N] [--rounds N] [--seconds S] [--json]

The server has one core, dnsperf the other. Prints for each server CPU per answer and its ratio to the best of the peers, answers per second with
200 questions under way (which is as many as dnsperf can ask, not what the servers can answer), mean latency at a fixed rate, and resident memory; and
how long after a state message our answer has changed. Needs dnsperf, knot, nsd, bind9, nats-server.
"""

import argparse, json, os, pathlib, shutil, socket, statistics, struct, subprocess, sys, tempfile, time

ZONE = "bench.test"
ADDRESS = "203.0.113.7"
# Questions per second at which latency is measured: half of what one core of dnsperf can ask.
RATE = 30_000


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def question(name, kind=1):
    labels = b"".join(bytes([len(l)]) + l.encode() for l in name.split("."))
    return struct.pack("!6H", 7, 0, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", kind, 1)


def answers(port, name):
    """How many records the server gives for a name; None if it does not answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(0.2)
        s.connect(("127.0.0.1", port))
        try:
            s.send(question(name))
            return struct.unpack("!H", s.recv(4096)[6:8])[0]
        except OSError:
            return None


def wait_for(port, name, what, seconds=600):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answers(port, name):
            return
        time.sleep(0.02)
    sys.exit(f"bench-dns: {what} does not answer for {name}")


def wait_for_line(log, text, seconds=600):
    end = time.monotonic() + seconds
    while text not in log.read_text():
        if time.monotonic() > end:
            sys.exit(f"bench-dns: no “{text}” in {log}:\n{log.read_text()[-2000:]}")
        time.sleep(0.02)


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def family(pid):
    """The process and its children: nsd answers in one of them."""
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid] + [p for c in children for p in family(int(c))]


def memory_mib(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(l.split()[1]) for l in lines if l.startswith("VmRSS")) / 1024


class Server:
    def __init__(self, name, command, port, environment=None, directory=None):
        self.name, self.port = name, port
        log = open(directory / f"{name}.log", "w")
        self.process = subprocess.Popen(
            ["taskset", "-c", "0"] + command, stdout=log, stderr=log, env=dict(os.environ, **(environment or {})))

    def cpu(self):
        return sum(cpu_seconds(p) for p in family(self.process.pid))

    def memory(self):
        return max(memory_mib(p) for p in family(self.process.pid))


def zone_file(directory, names):
    path = directory / "zone"
    with path.open("w") as f:
        f.write(f"$ORIGIN {ZONE}.\n$TTL 60\n@ SOA ns1 hostmaster 1 7200 3600 1209600 5\n@ NS ns1\nns1 A 127.0.0.1\n")
        f.writelines(f"b{i} A {ADDRESS}\n" for i in range(names))
    return path


def knot(directory, zone):
    port, conf = free_port(), directory / "knot.conf"
    conf.write_text(
        f"server:\n  rundir: {directory}/knot\n  listen: 127.0.0.1@{port}\n  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\n"
        f"database:\n  storage: {directory}/knot\nlog:\n  - target: stderr\n    any: error\n"
        f"zone:\n  - domain: {ZONE}\n    file: {zone}\n    zonefile-load: whole\n    journal-content: none\n")
    (directory / "knot").mkdir()
    return Server("knotd", ["knotd", "-c", str(conf)], port, directory=directory)


def nsd(directory, zone):
    port, conf = free_port(), directory / "nsd.conf"
    conf.write_text(
        f"server:\n  ip-address: 127.0.0.1@{port}\n  server-count: 1\n  username: \"\"\n  chroot: \"\"\n  zonesdir: \"{directory}\"\n"
        f"  database: \"\"\n  pidfile: \"{directory}/nsd.pid\"\n  xfrdfile: \"{directory}/xfrd\"\n  xfrdir: \"{directory}\"\n"
        f"  zonelistfile: \"{directory}/zonelist\"\n  rrl-ratelimit: 0\n  minimal-responses: yes\nremote-control:\n  control-enable: no\n"
        f"zone:\n  name: {ZONE}\n  zonefile: {zone}\n")
    return Server("nsd", ["nsd", "-d", "-c", str(conf)], port, directory=directory)


def named(directory, zone):
    port, conf = free_port(), directory / "named.conf"
    conf.write_text(
        f'options {{ directory "{directory}"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; recursion no;'
        f' minimal-responses yes; pid-file "{directory}/named.pid"; session-keyfile "{directory}/session.key"; }};\ncontrols {{ }};\n'
        f'zone "{ZONE}" {{ type primary; file "{zone}"; }};\n')
    return Server("named", ["named", "-g", "-n", "1", "-c", str(conf)], port, directory=directory)


class Bus:
    """As much of NATS as it takes to publish."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=120)
        self.file = self.socket.makefile("rb")
        self.file.readline()
        self.socket.sendall(b'CONNECT {"verbose":false,"pedantic":false}\r\n')

    def publish(self, messages):
        block = bytearray()
        for subject, body in messages:
            payload = json.dumps(body, separators=(",", ":")).encode()
            block += f"PUB {subject} {len(payload)}\r\n".encode() + payload + b"\r\n"
            if len(block) > 1 << 20:
                self.socket.sendall(block)
                block.clear()
        self.socket.sendall(block + b"PING\r\n")
        while b"PONG" not in self.file.readline():
            pass


def backend(name, change):
    return {"cluster": ZONE, "BackendMessage": {"backend": name, **change}}


def assignment(name):
    body = {"Assignment": {"drone": "drone-1", "bearer_token": None, "lock_assignment": None}}
    return f"state.cluster.bench_test.backend.{name}.assignment", backend(name, body)


def ours(directory, binaries, names):
    nats_port, port = free_port(), free_port()
    helpers = [subprocess.Popen(
        ["taskset", "-c", "1", "nats-server", "-a", "127.0.0.1", "-p", str(nats_port), "-js", "-sd", str(directory / "nats")], stderr=subprocess.DEVNULL)]
    environment = {
        "PLANE_NATS__HOSTS": f"127.0.0.1:{nats_port}", "PLANE_DNS__PORT": str(port), "PLANE_DNS__BIND_IP": "127.0.0.1",
        "PLANE_DNS__DOMAIN_NAME": f"ns1.{ZONE}", "PLANE_DNS__ANSWERS_PER_SECOND": "0", "NIO_SINGLETON_GROUP_LOOP_COUNT": "1",
    }
    log = open(directory / "scheduler.log", "w")
    helpers.append(subprocess.Popen([f"{binaries}/scheduler"], env=dict(os.environ, **environment), stdout=log, stderr=log))
    wait_for_line(directory / "scheduler.log", "scheduler is ready")
    bus = Bus(nats_port)
    metadata = {"Metadata": {"ip": ADDRESS, "version": "bench", "git_hash": None}}
    bus.publish([("state.cluster.bench_test.drone.drone-1.meta", {"cluster": ZONE, "DroneMessage": {"drone": "drone-1", **metadata}})])
    bus.publish(assignment(f"b{i}") for i in range(names))
    # Follows the fleet too, and is not measured.
    helpers[1].terminate()
    started = time.monotonic()
    server = Server("plane dns", [f"{binaries}/dns"], port, environment, directory)
    wait_for(port, f"b{names - 1}.{ZONE}", "dns")
    wait_for_line(directory / "plane dns.log", "dns is ready")
    return server, bus, helpers, time.monotonic() - started


def ask(server, questions, seconds, *options):
    """Runs dnsperf; its output as a function from a label to the number behind it."""
    command = ["taskset", "-c", "1", "dnsperf", "-s", "127.0.0.1", "-p", str(server.port), "-d", str(questions), "-l", str(seconds), "-c", "8"]
    output = subprocess.run(command + list(options), capture_output=True, text=True, check=True, timeout=seconds + 30).stdout

    def value(label):
        line = next(l for l in output.splitlines() if l.strip().startswith(label))
        return float(line.split(":")[1].split()[0])

    if value("Queries lost") > value("Queries completed") / 1000:
        sys.exit(f"bench-dns: {server.name} loses questions:\n{output}")
    return value


def load(server, questions, seconds):
    cpu = server.cpu()
    full = ask(server, questions, seconds, "-q", "200")
    used = server.cpu() - cpu
    steady = ask(server, questions, max(seconds // 2, 1), "-q", "200", "-Q", str(RATE))
    return {
        "rate": full("Queries per second"), "cpu_us": used * 1e6 / full("Queries completed"),
        "latency_us": steady("Average Latency (s)") * 1e6,
    }


def change_latency(server, bus, count=200):
    """From publishing an assignment to the answer that has it, in milliseconds."""
    times = []
    for i in range(count):
        name = f"new{i}"
        start = time.perf_counter()
        bus.publish([assignment(name)])
        while not answers(server.port, f"{name}.{ZONE}"):
            if time.perf_counter() - start > 10:
                sys.exit(f"bench-dns: {name} was not answered for within 10 s")
        times.append((time.perf_counter() - start) * 1000)
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--names", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--binaries", default=".build/release")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    os.environ["PATH"] += ":/usr/sbin"
    directory = pathlib.Path(tempfile.mkdtemp(prefix="bench-dns-"))
    servers, helpers = [], []
    try:
        zone = zone_file(directory, options.names)
        questions = directory / "questions"
        step = max(options.names // 5000, 1) * 7919
        questions.write_text("".join(f"b{i * step % options.names}.{ZONE} A\n" for i in range(min(options.names, 200_000))))
        server, bus, helpers, started = ours(directory, options.binaries, options.names)
        servers = [server]
        for make in (knot, nsd, named):
            servers.append(make(directory, zone))
        for peer in servers:
            wait_for(peer.port, f"b{options.names - 1}.{ZONE}", peer.name)
        rounds = {s.name: [] for s in servers}
        for _ in range(options.rounds):
            for s in servers:
                rounds[s.name].append(load(s, questions, options.seconds))
        results = {
            s.name: {key: statistics.median(r[key] for r in rounds[s.name]) for key in ("rate", "cpu_us", "latency_us")} | {"memory_mib": s.memory()}
            for s in servers
        }
        times = change_latency(server, bus)
        best = min(r["cpu_us"] for name, r in results.items() if name != server.name)
        report = {
            "names": options.names, "servers": results, "ratio_to_best": results[server.name]["cpu_us"] / best, "start_seconds": started,
            "change_ms": {"median": statistics.median(times), "p99": sorted(times)[int(len(times) * 0.99)], "max": max(times)},
        }
        if options.json:
            print(json.dumps(report))
            return
        print(f"{options.names} names, {options.rounds} rounds of {options.seconds} s, one core; medians")
        print(f"{'server':<10} {'CPU/answer':>11} {'of best':>8} {'answers/s':>10} {f'latency at {RATE}/s':>20} {'memory':>9}")
        for name, r in results.items():
            print(
                f"{name:<10} {r['cpu_us']:>8.2f} µs {r['cpu_us'] / best:>8.2f} {r['rate']:>10.0f} {r['latency_us']:>17.0f} µs"
                f" {r['memory_mib']:>5.0f} MiB")
        print(f"start, with all names read from NATS: {started:.2f} s")
        print("state message → changed answer: median {median:.2f} ms, 99 % {p99:.2f} ms, slowest {max:.2f} ms".format(**report["change_ms"]))
    finally:
        for process in [s.process for s in servers] + helpers:
            process.terminate()
        for process in [s.process for s in servers] + helpers:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(directory, ignore_errors=True)


main()
