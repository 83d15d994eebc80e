#!/usr/bin/env python3
"""CPU per request of planb, with and without --backend-cache, beside nginx and HAProxy with static upstreams; one thread each, interleaved rounds.
Then 10 000 hosts, a Redis that takes 5 ms, and a Redis that is gone.

usage: scripts/bench planb [--rounds N] [--seconds S] [--connections C] [--other BINARY] [--json]

--other is another planb, such as PlanB itself, measured in the same rounds. CPU is what counts; the processor of Redis is not in it. Exits 1 when
a ratio is above its budget: 1.10 × nginx with the cache, 1.50 × without.
"""

import argparse, json, os, pathlib, shutil, signal, statistics, subprocess, sys, tempfile, textwrap, threading, time
import socket

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import bench_proxy as common

HOST, HOSTS = common.HOST, 10_000
BUDGETS = {"planb, cached": 1.10, "planb": 1.50}


def redis_server(directory):
    port = common.free_port()
    process = subprocess.Popen(
        ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(directory)],
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
            server = socket.create_connection(("127.0.0.1", self.target))
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
        redis, redis_port = redis_server(directory)
        started += [master, redis]
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
        report("10 000 hosts", results["10 000 hosts"], {})

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
