import Foundation
import NATS
import PlaneProtocol
import PlaneTestSupport

/// What an application and its users do with a cluster.
extension LocalCluster {
    /// Asks for a backend, as an application would.
    func schedule(
        image: String, maxIdle: WireSeconds = 300, env: [String: Secret] = [:], requireBearerToken: Bool = false,
        lock: LockName? = nil, metadata: [String: String] = [:]
    ) async throws -> ScheduledBackend {
        let reply = try await self.request(
            ScheduleRequest(
                cluster: self.cluster, maxIdle: maxIdle, metadata: metadata,
                executable: DockerExecutableConfig(image: image, env: env, pullPolicy: .never),
                requireBearerToken: requireBearerToken, lock: lock))
        guard case .scheduled(let backend) = reply else { throw UnexpectedReply(reply: "\(reply)") }
        return backend
    }

    func request<Request: PlaneRequest>(_ request: Request) async throws -> Request.Reply {
        let answer = try await self.bus.request(
            WireCodec.encode(request), to: request.subject, timeout: .seconds(30))
        return try WireCodec.decodeReply(to: Request.self, from: answer.payload)
    }

    func terminate(_ backend: BackendID) async throws {
        _ = try await self.request(TerminationRequest(cluster: self.cluster, backendID: backend))
    }

    /// The public feed of one backend's states, from its first one; ends after the first terminal state.
    func states(of backend: BackendID) async throws -> AsyncThrowingStream<BackendStateMessage, any Error> {
        let history = try await self.bus.jetStream.orderedConsumer(
            stream: "backend_status", filter: BackendStateMessage.subject(backend: backend), from: .first)
        return AsyncThrowingStream { continuation in
            let reader = Task {  // Ends with the stream it feeds: cancelled in onTermination.
                do {
                    for try await message in history {
                        let state = try WireCodec.decode(BackendStateMessage.self, from: message.payload)
                        continuation.yield(state)
                        if state.state.isTerminal { break }
                    }
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in reader.cancel() }
        }
    }

    /// Every state the backend was reported in, once it has ended.
    func history(of backend: BackendID) async throws -> [BackendState] {
        var states: [BackendState] = []
        for try await report in try await self.states(of: backend) { states.append(report.state) }
        return states
    }

    /// Waits until the backend has been in `state`; returns the report of it.
    @discardableResult
    func reached(_ state: BackendState, by backend: BackendID) async throws -> BackendStateMessage {
        var seen: [BackendState] = []
        for try await report in try await self.states(of: backend) {
            if report.state == state { return report }
            seen.append(report.state)
        }
        throw UnexpectedReply(reply: "\(backend) ended without reaching \(state): \(seen)")
    }

    /// One request through the proxy on a connection of its own.
    func get(_ path: String = "/", host: String, headers: String = "") async throws -> HTTPAnswer {
        let connection = try await LoopbackConnection(port: self.proxyPort)
        try await connection.send("GET \(path) HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\(headers)\r\n")
        return try HTTPAnswer(await connection.receiveToEnd())
    }

    func get(_ path: String = "/", of backend: BackendID, headers: String = "") async throws -> HTTPAnswer {
        try await self.get(path, host: self.host(of: backend), headers: headers)
    }

    /// A WebSocket to the backend, opened.
    func openWebSocket(_ path: String = "/ws", to backend: BackendID) async throws -> WebSocketProbe {
        try await WebSocketProbe(port: self.proxyPort, host: self.host(of: backend), path: path)
    }
}

struct UnexpectedReply: Error, CustomStringConvertible {
    let reply: String
    var description: String { "unexpected: \(self.reply)" }
}
