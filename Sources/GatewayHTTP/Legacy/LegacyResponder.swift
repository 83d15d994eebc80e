import GatewayCore
import GatewayHTTPConfiguration
import HTTPTypes
import Logging
import LogKeys
import PlaneClient
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneState
import TextEncodings

/// The HTTP interface that Plane 0.3 has in its controller: backends of services that the configuration names, in one cluster.
struct LegacyResponder: Sendable {
    let fleet: Fleet
    let configuration: HTTPConfiguration
    let logger: Logger

    private enum Target {
        case greeting
        case spawn(service: String)
        case status(BackendID?)
        case stream(BackendID?)
    }

    func respond(to request: IncomingRequest) async -> Reply {
        let target = Self.target(of: request.path)
        var reply: Reply
        do throws(GatewayError) {
            reply = try await self.answer(request, target)
        } catch {
            if let cause = error.internalCause { self.logger.warning("request failed", metadata: [LogKey.error: "\(cause)"]) }
            // Handlers of 0.3 give no reason for failures; only what is wrong with the request itself is explained.
            reply = error.shape == .text ? .text(error.message, status: error.status) : Reply(status: error.status)
        }
        switch target {
        case .status, .stream: CrossOrigin.allow(&reply)
        case .greeting, .spawn, nil: break
        }
        // There are no keep-alive comments, so a client that is gone is noticed when its connection closes.
        reply.endsWithInput = true
        return reply
    }

    private static func target(of path: String) -> Target? {
        let segments = path.split(separator: "/", omittingEmptySubsequences: false).map { PercentEncoding.decode($0.utf8) }
        guard segments.count >= 2, segments[0] == "" else { return nil }
        let rest = segments.dropFirst().map { $0 ?? "" }
        switch (rest.count, rest[0], rest[rest.count - 1]) {
        case (1, "", _): return .greeting
        case (3, "service", "spawn"): return .spawn(service: rest[1])
        case (3, "backend", "status"): return .status(BackendID(rawValue: rest[1]))
        case (4, "backend", "stream") where rest[2] == "status": return .stream(BackendID(rawValue: rest[1]))
        default: return nil
        }
    }

    private func answer(_ request: IncomingRequest, _ target: Target?) async throws(GatewayError) -> Reply {
        let isRead = request.method == "GET" || request.method == "HEAD"
        switch target {
        case nil: return Reply(status: 404)
        case .greeting?:
            return isRead ? .text("Plane controller HTTP server", status: 200) : Self.methodNotAllowed("GET,HEAD")
        case .spawn(let service)?:
            return request.method == "POST" ? try await self.spawn(service, request) : Self.methodNotAllowed("POST")
        case .status(let backend)?:
            if request.method == "OPTIONS" { return CrossOrigin.preflight }
            guard isRead else { return Self.methodNotAllowed("GET,HEAD") }
            return try await AnswerDeadline().within { () async throws(GatewayError) in try await self.status(of: backend) }
        case .stream(let backend)?:
            if request.method == "OPTIONS" { return CrossOrigin.preflight }
            guard isRead else { return Self.methodNotAllowed("GET,HEAD") }
            guard let backend else { throw .backendNotFound }
            return try await AnswerDeadline().within { () async throws(GatewayError) in try await self.stream(of: backend) }
        }
    }

    private static func methodNotAllowed(_ allowed: String) -> Reply {
        var reply = Reply(status: 405)
        reply.fields[.allow] = allowed
        return reply
    }

    // MARK: Spawn

    private func spawn(_ service: String, _ request: IncomingRequest) async throws(GatewayError) -> Reply {
        guard let host = request.host, !host.isEmpty else { throw GatewayError(status: 400, text: "there is no Host") }
        let spawn = try LegacySpawn(body: try await request.json())
        guard let image = self.configuration.services[service] else { return Reply(status: 404) }
        let schedule = spawn.request(image: image, cluster: self.configuration.cluster)
        let client = self.fleet.client
        let scheduled = try await AnswerDeadline().within { () async throws(GatewayError) -> ScheduledBackend in
            do throws(PlaneError) {
                return try await client.schedule(schedule, retry: Self.retry)
            } catch {
                if case .refused(let reply) = error, reply.code == .badRequest || reply.code == .notPermitted {
                    throw GatewayError(status: 400, text: reply.message)
                }
                throw GatewayError(.other, internalCause: "\(error)")
            }
        }
        return .json(
            LegacySpawned(
                url: self.url(of: scheduled), name: scheduled.backendID,
                bearerToken: scheduled.bearerToken, statusURL: "http://\(host)/backend/\(scheduled.backendID)/status", spawned: scheduled.spawned))
    }

    /// Where the drone says that its proxy is reached. For a drone that does not say it the URL is that of 0.3: plain HTTP at the cluster's name, with the port in it.
    private func url(of backend: ScheduledBackend) -> String {
        let cluster = self.configuration.cluster
        let said = self.fleet.drone(backend.drone, in: cluster)?.metadata?.endpoint ?? PublicEndpoint()
        let endpoint = said == PublicEndpoint() ? PublicEndpoint(scheme: .http) : said
        // 0.3 writes no slash at the end.
        return String(endpoint.url(of: backend.backendID, in: cluster).dropLast())
    }

    /// Two attempts; the deadline of the request bounds both together.
    private static let retry = ScheduleRetry(answerLimit: .seconds(7), pauses: [.milliseconds(200)])

    // MARK: Status

    private func status(of backend: BackendID?) async throws(GatewayError) -> Reply {
        guard let backend else { throw .backendNotFound }
        let client = self.fleet.client
        let newest = try await StatusReader(fleet: self.fleet).ask { () async throws(PlaneError) in try await client.newestState(of: backend) }
        if let newest { return .json(LegacyStatus(newest)) }
        guard let last = try await self.kept(of: backend).last else { throw .backendNotFound }
        return .json(LegacyStatus(last))
    }

    /// What the state holds of a backend that is older than the public feed.
    private func kept(of backend: BackendID) async throws(GatewayError) -> [BackendStateMessage] {
        guard let known = self.fleet.locate(backend) else { return [] }
        return try await StatusReader(fleet: self.fleet).kept(of: known).messages
    }

    /// Every state so far and to come, without repetitions. The stream does not end with the backend, as in 0.3.
    private func stream(of backend: BackendID) async throws(GatewayError) -> Reply {
        try await self.fleet.demandFollowing()
        let feed = self.fleet.hub.events(of: backend)
        let known = self.fleet.locate(backend)
        var messages = try await StatusReader(fleet: self.fleet).messages(of: backend)
        guard known != nil || !messages.isEmpty else { throw .backendNotFound }
        if messages.isEmpty { messages = try await self.kept(of: backend) }
        let told = messages
        return .events { writer in
            var filter = RepetitionFilter()
            for message in told where filter.passes(message) { try await writer.write(LegacyStatus(message).event) }
            for await event in feed.events {
                if case .message(let message) = event, filter.passes(message) { try await writer.write(LegacyStatus(message).event) }
            }
        }
    }
}

/// Drops states that were sent already.
private struct RepetitionFilter {
    private var last: (state: BackendState, time: WireTime)?

    mutating func passes(_ message: BackendStateMessage) -> Bool {
        guard self.last?.state != message.state, self.last.map({ $0.time <= message.time }) ?? true else { return false }
        self.last = (message.state, message.time)
        return true
    }
}

/// The body of a request for a backend as in 0.3; every field is optional.
struct LegacySpawn: JSONDecodable {
    var gracePeriod: WireSeconds
    var lock: LockName?
    var requiresBearerToken: Bool
    var port: UInt16?
    var env: [String: Secret]
    var volumeMounts: [String]

    init(json: JSONNode) throws(MessageError) {
        self.gracePeriod = try json.value("grace_period_seconds", default: 60)
        self.lock = try json.optional("lock")
        self.requiresBearerToken = try json.value("require_bearer_token", default: false)
        self.port = try json.optional("port")
        self.env = try json.value("env", default: [:])
        self.volumeMounts = try json.value("volume_mounts", default: [])
        try DockerExecutableConfig(image: "", env: self.env, volumeMounts: self.volumeMounts).checkStrings()
    }

    init(body: [UInt8]) throws(GatewayError) {
        let document: JSONSyntax
        do throws(MessageError) {
            document = try WireCodec.decode(JSONSyntax.self, from: body)
        } catch {
            throw GatewayError(status: 400, text: "the body is not JSON: \(error)")
        }
        do throws(MessageError) {
            self = try LegacySpawn(json: document.node)
        } catch {
            throw error.path == [.key("lock")] && error.expected == LockName.expectation ? GatewayError(status: 400, text: "\(error)") : .unprocessable(error)
        }
    }

    func request(image: String, cluster: ClusterName) -> ScheduleRequest {
        var env = self.env
        env["PORT"] = Secret("\(self.port ?? DockerExecutableConfig.defaultPort)")
        return ScheduleRequest(
            cluster: cluster, maxIdle: self.gracePeriod,
            executable: DockerExecutableConfig(image: image, env: env, port: self.port, volumeMounts: self.volumeMounts),
            requireBearerToken: self.requiresBearerToken, lock: self.lock)
    }
}

private struct LegacySpawned: JSONEncodable {
    let url: String
    let name: BackendID
    let bearerToken: Secret?
    let statusURL: String
    let spawned: Bool

    func write(to json: inout JSONWriter) {
        json.object {
            $0.field("url", self.url)
            $0.field("name", self.name)
            $0.fieldIfPresent("bearer_token", self.bearerToken)
            $0.field("status_url", self.statusURL)
            $0.field("spawned", self.spawned)
        }
    }
}

private struct LegacyStatus: JSONEncodable {
    let message: BackendStateMessage

    init(_ message: BackendStateMessage) { self.message = message }

    var event: [UInt8] { EventStreamText.event(WireCodec.encode(self)) }

    func write(to json: inout JSONWriter) {
        json.object {
            $0.field("state", self.message.state)
            $0.field("backend", self.message.backend)
            $0.field("time", self.message.time)
        }
    }
}
