#!/usr/bin/env python3
"""CPU per request of planb, with and without --backend-cache, beside nginx and HAProxy with static upstreams; one thread each, interleaved rounds.
Then 10 000 hosts, a Redis that takes 5 ms, a Redis that is gone, and one whose replica takes over: how many requests fail, and for how long.

usage: scripts/bench planb [--rounds N] [--seconds S] [--connections C] [--other BINARY] [--json] [--failover]

--other is another planb, such as PlanB itself, measured in the same rounds. CPU is what counts; the processor of Redis is not in it. --failover makes
the last part only. Exits 1 when a ratio is above its budget (1.10 × nginx with the cache, 1.50 × without, for one host and for 10 000), when a
connection is lost in the failover, or when a request fails in it with the cache.
"""

import argparse, http.client, json, os, pathlib, shutil, signal, statistics, subprocess, sys, tempfile, textwrap, threading, time
import socket

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import bench_proxy as common

HOST, HOSTS = common.HOST, 10_000
BUDGETS = {"planb, cached": 1.10, "planb": 1.50}


def redis_server(directory, *options):
    port = common.free_port()
    process = subprocess.Popen(
        ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(directory), "--dbfilename", f"{port}.rdb", *options],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    common.wait_for(port)
    return process, port


def fill(port, web):
    """The host of all workloads, and many others."""
    names = [HOST] + [f"h{number}.test" for number in range(HOSTS)]
    commands = "".join(f"RPUSH frontend:{name} id http://127.0.0.1:{web}\r\n" for name in names)
    subprocess.run(["redis-cli", "-p", str(port), "--pipe"], input=commands, text=True, check=True, capture_output=True)


def planb(binary, redis, *flags):
    port = common.free_port()
    process = subprocess.Popen(
        [binary, "--listen", f"127.0.0.1:{port}", "--access-log", "none", "--read-redis-port", str(redis), "--write-redis-port", str(redis), *flags],
        env=dict(os.environ, NIO_SINGLETON_GROUP_LOOP_COUNT="1", GOMAXPROCS="1"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    common.wait_for(port)
    return common.Subject([process], port, 0, [process.pid], [])


class SlowLine:
    """Passes bytes on to Redis, each read 5 ms later."""

    def __init__(self, target, delay=0.005):
        self.target, self.delay = target, delay
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            try:
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:  # Redis has gone
                client.close()
                continue
            threading.Thread(target=self.copy, args=(client, server, self.delay), daemon=True).start()
            threading.Thread(target=self.copy, args=(server, client, 0), daemon=True).start()

    @staticmethod
    def copy(source, destination, delay):
        try:
            while data := source.recv(65536):
                time.sleep(delay)
                destination.sendall(data)
        except OSError:
            pass  # either side has gone
        destination.close()


def load(port, arguments, script=None):
    """What wrk prints of one run, with latencies."""
    command = ["wrk", "-t1", f"-c{arguments.connections}", f"-d{arguments.seconds}s", "--latency", "-H", f"Host: {HOST}"]
    return subprocess.run(
        command + (["-s", script] if script else []) + [f"http://127.0.0.1:{port}/small"], capture_output=True, text=True, check=True).stdout


def figures(output):
    lines = output.splitlines()
    requests = next(int(line.split()[0]) for line in lines if " requests in " in line)
    errors = next((int(line.split()[-1]) for line in lines if "Non-2xx" in line), 0)
    latencies = {line.split()[0]: line.split()[1] for line in lines if line.strip()[:2] in ("50", "99")}
    return requests, errors, latencies


def ask(port, *command):
    return subprocess.run(["redis-cli", "-p", str(port), *command], capture_output=True, text=True).stdout.split()


def eventually(fact, holds, seconds=30):
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            sys.exit(f"bench: it never happened within {seconds} s: {fact}")
        time.sleep(0.02)


class Visitor:
    """Asks for one page every two milliseconds, and remembers when that failed."""

    def __init__(self, port):
        self.port, self.failures, self.is_over = port, [], False
        self.thread = threading.Thread(target=self.visit)
        self.thread.start()

    def visit(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        while not self.is_over:
            began = time.monotonic()
            try:
                connection.request("GET", "/small", headers={"Host": HOST})
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    self.failures.append(began)
            except (OSError, http.client.HTTPException):
                self.failures.append(began)
                connection.close()
            time.sleep(0.002)

    def end(self):
        """The seconds from the first failure to the last."""
        self.is_over = True
        self.thread.join()
        return self.failures[-1] - self.failures[0] if self.failures else 0.0


def failover(arguments, directory, web):
    """A master of Redis is killed under load; a sentinel makes its replica the master. Sentinels usually wait for 30 s; this one waits half a second."""
    kept = True
    for name, flags in (("planb, cached", ["--backend-cache"]), ("planb", [])):
        started = []
        try:
            master, master_port = redis_server(directory)
            replica, replica_port = redis_server(directory, "--replicaof", "127.0.0.1", str(master_port))
            sentinel_port = common.free_port()
            file = directory / f"sentinel-{sentinel_port}.conf"
            file.write_text(
                f"port {sentinel_port}\nbind 127.0.0.1\ndir {directory}\nsentinel monitor mymaster 127.0.0.1 {master_port} 1\n"
                "sentinel down-after-milliseconds mymaster 500\nsentinel failover-timeout mymaster 2000\n")
            sentinel = subprocess.Popen(["redis-sentinel", str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            started += [master, replica, sentinel]
            common.wait_for(sentinel_port)
            fill(master_port, web)
            eventually("the replica has it all", lambda: ask(replica_port, "EXISTS", f"frontend:h{HOSTS - 1}.test") == ["1"])
            eventually("the sentinel knows the replica", lambda: "name" in ask(sentinel_port, "SENTINEL", "replicas", "mymaster"))
            sentinels = [f"--{side}-redis-sentinel-{what}" for side in ("read", "write") for what in ("addrs", "name")]
            values = [f"127.0.0.1:{sentinel_port}", "mymaster"] * 2
            subject = planb(arguments.planb, master_port, *flags, *(word for pair in zip(sentinels, values) for word in pair))
            started += subject.processes
            wrk = subprocess.Popen(
                ["wrk", "-t1", f"-c{arguments.connections}", "-d10s", "-H", f"Host: {HOST}", f"http://127.0.0.1:{subject.port}/small"],
                stdout=subprocess.PIPE, text=True)
            visitor = Visitor(subject.port)
            time.sleep(2)
            master.kill()
            master.wait()
            began = time.monotonic()
            eventually("the sentinel names the replica", lambda: ask(sentinel_port, "SENTINEL", "get-master-addr-by-name", "mymaster")[1:] == [str(replica_port)])
            elected = time.monotonic() - began
            output = wrk.communicate()[0]
            seconds = visitor.end()
            requests, errors, _ = figures(output)
            lost = next((sum(int(word.strip(",")) for word in line.split() if word.strip(",").isdigit()) for line in output.splitlines() if "Socket errors" in line), 0)
            print(
                f"{'Redis fails over':22} {name}: of {requests} requests in 10 s {errors} are answered 503 and {lost} get no answer; they fail for {seconds:.1f} s,"
                f" the new master is named after {elected:.1f} s", flush=True)
            kept = kept and lost == 0 and not (flags and (errors or seconds))
        finally:
            for process in started:
                process.send_signal(signal.SIGTERM)
            for process in started:
                process.wait(timeout=30)
    return kept


def rounds(subjects, arguments, script=None):
    values = {name: [] for name in subjects}
    for number in range(arguments.rounds + 1):
        for name, subject in subjects.items():
            before = common.cpu_of_all(subject.pids)
            requests, errors, _ = figures(load(subject.port, arguments, script))
            if errors:
                sys.exit(f"bench: {name} failed {errors} of {requests} requests")
            if number > 0:
                values[name].append((common.cpu_of_all(subject.pids) - before) * 1e6 / requests)
    return values


def report(workload, values, budgets):
    middle = {name: statistics.median(of) for name, of in values.items()}
    text = "  ".join(f"{name} {value:6.1f} ({value / middle['nginx']:.2f})" for name, value in middle.items())
    print(f"{workload:22} {text}  µs per request (ratio to nginx)", flush=True)
    kept = True
    for name, budget in budgets.items():
        if middle[name] > budget * middle["nginx"]:
            print(f"{'':22} {name} is above its budget of {budget} × nginx", flush=True)
            kept = False
    return kept


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--planb", default=".build/release/planb")
    parser.add_argument("--other")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--failover", action="store_true")
    arguments = parser.parse_args()
    started, directory = [], pathlib.Path(tempfile.mkdtemp(prefix="bench-planb-"))
    results, kept = {}, True
    try:
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "1", "-subj", "/CN=bench",
             "-out", str(directory / "cert.pem"), "-keyout", str(directory / "key.pem")], check=True, capture_output=True)
        web = common.free_port()
        master, _ = common.nginx(
            directory, "upstream", f"server {{ listen 127.0.0.1:{web} backlog=4096; location /small {{ return 200 ok; }} }}")
        started.append(master)
        if arguments.failover:
            sys.exit(not failover(arguments, directory, web))
        redis, redis_port = redis_server(directory)
        started.append(redis)
        fill(redis_port, web)
        subjects = {"nginx": common.nginx_proxy(directory, web, web, 1)}
        if shutil.which("haproxy"):
            subjects["haproxy"] = common.haproxy(directory, web, web, 1)
        subjects["planb, cached"] = planb(arguments.planb, redis_port, "--backend-cache")
        subjects["planb"] = planb(arguments.planb, redis_port)
        if arguments.other:
            subjects["other, cached"] = planb(arguments.other, redis_port, "--backend-cache")
            subjects["other"] = planb(arguments.other, redis_port)
        started += [process for subject in subjects.values() for process in subject.processes]

        results["one host"] = rounds(subjects, arguments)
        kept = report("one host", results["one host"], BUDGETS)
        script = directory / "hosts.lua"
        script.write_text(textwrap.dedent(f"""
            local number = 0
            request = function()
                number = (number + 7919) % {HOSTS}
                return wrk.format("GET", "/small", {{ Host = "h" .. number .. ".test" }})
            end
        """))
        results["10 000 hosts"] = rounds(subjects, arguments, str(script))
        kept = report("10 000 hosts", results["10 000 hosts"], BUDGETS) and kept

        slow = SlowLine(redis_port)
        for name, flags in (("planb, cached", ["--backend-cache"]), ("planb", [])):
            subject = planb(arguments.planb, slow.port, *flags)
            started += subject.processes
            requests, errors, latencies = figures(load(subject.port, arguments))
            print(f"{'Redis takes 5 ms':22} {name}: {requests / arguments.seconds:.0f} requests per second, {errors} failed, latency {latencies}", flush=True)

        redis.kill()
        redis.wait()
        for name in ("planb, cached", "planb"):
            subject = subjects[name]
            before = common.resident_bytes(subject.pids[0])
            requests, errors, latencies = figures(load(subject.port, arguments))
            grown = (common.resident_bytes(subject.pids[0]) - before) / 1024
            print(
                f"{'Redis is gone':22} {name}: {requests / arguments.seconds:.0f} answers per second, {errors} of {requests} are errors, latency {latencies},"
                f" memory {grown:+.0f} KiB", flush=True)
        kept = failover(arguments, directory, web) and kept
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
