import Foundation

/// The peer of the cold-start benchmark: what anyone would write by hand against the Docker Engine API, and nothing more.
struct BareEngine: Sendable {
    let socketPath: String
    let image: String
    /// The Docker network of its containers, which must be that of plane's: one of a user's own takes longer to join. nil is Docker's default.
    var network: String?

    struct Started: Sendable {
        var id: String
        /// Durations since the first byte of the create call.
        var created: Duration
        var started: Duration
        var inspected: Duration
        var answered: Duration
    }

    /// Create, start, ask for the address, and request `/` until it answers 200 (1 ms between refused connections).
    func startAndWait(index: Int) throws -> Started {
        let clock = ContinuousClock()
        let begin = clock.now
        var spec: [String: Any] = [
            "Image": image, "Env": ["PORT=8080"], "Labels": ["dev.plane.bench": "bare"],
        ]
        if let network { spec["HostConfig"] = ["NetworkMode": network] }
        let id = try field("Id", of: call("POST", "/containers/create", spec))
        let created = clock.now - begin
        _ = try call("POST", "/containers/\(id)/start")
        let started = clock.now - begin
        let inspection = try call("GET", "/containers/\(id)/json")
        let settings = inspection["NetworkSettings"] as? [String: Any] ?? [:]
        let ownNetwork = network.flatMap { (settings["Networks"] as? [String: Any])?[$0] as? [String: Any] }
        let address = try field("IPAddress", of: ownNetwork ?? settings)
        let inspected = clock.now - begin
        try Self.untilAnswered(.tcp(host: address, port: 8080), host: "bench-\(index)", giveUpAfter: .seconds(60))
        return Started(id: id, created: created, started: started, inspected: inspected, answered: clock.now - begin)
    }

    func remove(_ id: String) throws {
        _ = try RawHTTP.exchange(.unixSocket(path: socketPath), "DELETE", "/containers/\(id)?force=1")
    }

    /// As an agent ends a backend: asked to end, then removed.
    func stopAndRemove(_ id: String) throws {
        _ = try RawHTTP.exchange(.unixSocket(path: socketPath), "POST", "/containers/\(id)/stop?t=10", json: Data())
        try remove(id)
    }

    /// Whether the engine has a container of this name, running or not.
    func exists(_ name: String) throws -> Bool {
        try RawHTTP.exchange(.unixSocket(path: socketPath), "GET", "/containers/\(name)/json").status != 404
    }

    func isPaused(_ name: String) throws -> Bool {
        (try call("GET", "/containers/\(name)/json")["State"] as? [String: Any])?["Paused"] as? Bool == true
    }

    /// What the kernel counts for a container that runs (cgroups(7), version 1 or 2), cached files included.
    func memoryBytes(of name: String) throws -> Int {
        let state = try call("GET", "/containers/\(name)/json")["State"] as? [String: Any]
        guard let process = state?["Pid"] as? Int, process > 0 else { throw BenchError("\(name) does not run") }
        for line in try String(contentsOfFile: "/proc/\(process)/cgroup", encoding: .utf8).split(separator: "\n") {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3, fields[1].isEmpty || fields[1] == "memory" else { continue }
            let file = fields[1].isEmpty ? "/sys/fs/cgroup\(fields[2])/memory.current" : "/sys/fs/cgroup/memory\(fields[2])/memory.usage_in_bytes"
            if let text = try? String(contentsOfFile: file, encoding: .utf8), let bytes = Int(text.filter(\.isNumber)) { return bytes }
        }
        throw BenchError("the memory of \(name) cannot be read")
    }

    /// Returns when the drone has as many networks ready, which are sandboxes that run and that no container uses.
    func waitForSandboxes(_ count: Int, of drone: String) throws {
        let deadline = ContinuousClock().now + .seconds(120)
        while ContinuousClock().now < deadline {
            let response = try RawHTTP.exchange(.unixSocket(path: socketPath), "GET", "/containers/json")
            let containers = try JSONSerialization.jsonObject(with: response.body) as? [[String: Any]] ?? []
            let used = Set(containers.compactMap { ($0["HostConfig"] as? [String: Any])?["NetworkMode"] as? String })
            let free = containers.filter { container in
                let labels = container["Labels"] as? [String: String] ?? [:]
                return labels["dev.plane.role"] == "sandbox" && labels["dev.plane.drone"] == drone && !used.contains("container:\(container["Id"] ?? "")")
            }
            if free.count >= count { return }
            Thread.sleep(forTimeInterval: 0.05)
        }
        throw BenchError("\(drone) has not \(count) networks ready")
    }

    /// Returns when as many containers of the image are parked on the drone, and no backend has them.
    func waitForParked(_ count: Int, of drone: String) throws {
        let deadline = ContinuousClock().now + .seconds(180)
        while ContinuousClock().now < deadline {
            let response = try RawHTTP.exchange(.unixSocket(path: socketPath), "GET", "/containers/json")
            let containers = try JSONSerialization.jsonObject(with: response.body) as? [[String: Any]] ?? []
            let free = containers.filter { container in
                let labels = container["Labels"] as? [String: String] ?? [:]
                let names = container["Names"] as? [String] ?? []
                return labels["dev.plane.role"] == "parked" && labels["dev.plane.drone"] == drone
                    && [image, image + ":latest"].contains(container["Image"] as? String)
                    && names.allSatisfy { $0.hasPrefix("/plane.parked-") }
            }
            if free.count >= count { return }
            Thread.sleep(forTimeInterval: 0.05)
        }
        throw BenchError("\(drone) has not \(count) containers of \(image) parked")
    }

    /// Requests `/` on fresh connections until the answer is 200; returns how many answers were something else.
    @discardableResult
    static func untilAnswered(
        _ endpoint: RawHTTP.Endpoint, host: String, giveUpAfter limit: Duration
    ) throws -> Int {
        let deadline = ContinuousClock().now + limit
        var others = 0
        while ContinuousClock().now < deadline {
            switch Result(catching: { () throws(RawHTTP.Failure) in try RawHTTP.exchange(endpoint, "GET", "/", host: host) }) {
            case .success(let answer) where answer.status == 200: return others
            case .success: others += 1
            case .failure: break  // Not listening yet: the peer has no other way to find out than to ask again.
            }
            Thread.sleep(forTimeInterval: 0.001)
        }
        throw BenchError("\(host) did not answer 200 within \(limit)")
    }

    private func call(_ method: String, _ path: String, _ body: [String: Any]? = nil) throws -> [String: Any] {
        let json = try body.map { try JSONSerialization.data(withJSONObject: $0) }
        let response = try RawHTTP.exchange(.unixSocket(path: socketPath), method, path, json: json ?? (method == "POST" ? Data() : nil))
        guard (200..<300).contains(response.status) else {
            throw BenchError("\(method) \(path): \(response.status) \(String(decoding: response.body, as: UTF8.self))")
        }
        if response.body.isEmpty { return [:] }
        return try JSONSerialization.jsonObject(with: response.body) as? [String: Any] ?? [:]
    }

    private func field(_ name: String, of object: [String: Any]) throws -> String {
        guard let value = object[name] as? String, !value.isEmpty else { throw BenchError("the engine's answer has no \(name)") }
        return value
    }
}

struct BenchError: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}
