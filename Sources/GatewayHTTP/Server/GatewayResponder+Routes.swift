import GatewayCore
import GatewayHTTPConfiguration
import NATS
import PlaneClient
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneState
import VisitorTokens

/// How each route is answered.
extension GatewayResponder {
    private var control: BackendControl { BackendControl(fleet: self.fleet) }
    private var queries: BackendQueries { BackendQueries(fleet: self.fleet) }
    private var statuses: StatusReader { StatusReader(fleet: self.fleet) }

    func carryOut(_ route: Route, _ request: IncomingRequest, _ caller: Caller) async throws(GatewayError) -> Reply {
        switch route {
        // These have a body, for which a client has longer; their deadline begins behind it.
        case .connect: return try await self.connect(request, caller)
        case .revoke(let answersNull): return try await self.revoke(request, caller, answersNull: answersNull)
        case .revocations: return try await self.revocations(request, caller)
        case .pageTerminate, .pageDrain, .pageLogin: return try await self.page.reply(to: route, request, caller)
        // These are answered from memory.
        case .health, .controllerStatus, .tokenKeys, .nodeSocket, .openAPI, .pageStyle, .pageScript, .pageLogout:
            return try await self.look(up: route, request, caller)
        case .status, .statusStream, .terminate, .drain, .undrain, .clusterState, .listBackends, .backend, .logs, .logStream, .metrics, .events, .page,
            .pageEvents, .pageBackend:
            return try await AnswerDeadline().within { () async throws(GatewayError) in try await self.look(up: route, request, caller) }
        }
    }

    private func look(up route: Route, _ request: IncomingRequest, _ caller: Caller) async throws(GatewayError) -> Reply {
        switch route {
        case .connect, .revoke, .revocations: throw GatewayError(.other, internalCause: "no route without a body")
        case .health:
            try self.fleet.demandCurrent()
            return .json(["status": "ok"])
        case .controllerStatus:
            try self.fleet.demandCurrent()
            return .json(["status": "ok", "version": BuildInformation.version, "hash": ""])
        case .status(let backend): return .json(try await self.statuses.status(of: try Self.known(backend)))
        case .statusStream(let backend):
            return try await StatusStream(fleet: self.fleet).reply(for: try Self.known(backend), lastEventID: request.field("last-event-id"))
        case .terminate(let backend, let kind):
            let backend = try Self.known(backend)
            try self.permit(caller, backend, changes: true)
            try await self.control.terminate(backend, kind, requestedBy: caller.name)
            return .json(UnitReply())
        case .tokenKeys: return .json(TokenKeySet(keys: self.tokens.publicKey.map { [$0] } ?? []))
        case .drain(let cluster, let drone): return try await self.drain(cluster, drone, true, caller)
        case .undrain(let cluster, let drone): return try await self.drain(cluster, drone, false, caller)
        case .clusterState(let cluster): return try await self.clusterState(cluster, caller)
        case .nodeSocket: return .text("The nodes of this installation speak NATS, not WebSockets.", status: 501)
        case .listBackends: return try await self.queries.list(request.query, caller: caller, tokens: self.tokens)
        case .backend(let backend):
            let backend = try Self.known(backend)
            try self.permit(caller, backend, changes: false)
            return try await self.queries.document(of: backend)
        case .logs(let backend):
            let backend = try Self.known(backend)
            try self.permit(caller, backend, changes: false)
            return try await self.queries.logs(of: backend, request.query)
        case .logStream(let backend):
            let backend = try Self.known(backend)
            try self.permit(caller, backend, changes: false)
            return try await LogStream(fleet: self.fleet, backend: backend).reply(lastEventID: request.field("last-event-id"))
        case .metrics(let backend):
            let backend = try Self.known(backend)
            try self.permit(caller, backend, changes: false)
            return try await self.queries.metrics(of: backend)
        case .events(let cluster):
            guard let cluster else { throw .unprocessable("the path: expected \(ClusterName.expectation)") }
            try self.permit(caller, CallScope(changes: false, cluster: cluster))
            return try await self.queries.events(of: cluster)
        case .openAPI: return .bytes(OpenAPIDocument.bytes, type: "application/json")
        case .page, .pageStyle, .pageScript, .pageEvents, .pageBackend, .pageTerminate, .pageDrain, .pageLogin, .pageLogout:
            return try await self.page.reply(to: route, request, caller)
        }
    }

    /// A name that is invalid belongs to no backend.
    private static func known(_ backend: BackendID?) throws(GatewayError) -> BackendID {
        guard let backend else { throw .backendNotFound }
        return backend
    }

    private func permit(_ caller: Caller, _ scope: CallScope) throws(GatewayError) {
        guard caller.may(scope) else { throw GatewayError(status: 403, text: "This token does not reach that far.") }
    }

    private func permit(_ caller: Caller, _ backend: BackendID, changes: Bool) throws(GatewayError) {
        // Nobody knows in which cluster a forgotten backend was, so that takes a token for all clusters.
        let scope = self.fleet.locate(backend).map { self.queries.scope(of: $0.view, in: $0.cluster, changes: changes) } ?? CallScope(changes: changes)
        try self.permit(caller, scope)
    }

    // MARK: Connect

    /// How many seconds a request may wait for a backend to become ready.
    private static let longestWait = 300

    private func connect(_ request: IncomingRequest, _ caller: Caller) async throws(GatewayError) -> Reply {
        let body = try ConnectRequest(body: try await request.json())
        var readyLimit: Duration?
        if let wait = request.query["wait"] {
            guard wait == "ready" else { throw .unprocessable("wait: expected ready, found another word") }
            readyLimit = .seconds(try BackendQueries.count(request.query["wait_secs"], "wait_secs", default: 30, atMost: Self.longestWait))
        }
        let idempotencyKey = request.field("idempotency-key")
        if let idempotencyKey, !(1...256).contains(idempotencyKey.utf8.count) {
            throw .unprocessable("the field Idempotency-Key: expected 1 to 256 bytes, found \(idempotencyKey.utf8.count)")
        }
        let handler = ConnectHandler(fleet: self.fleet, configuration: self.configuration, tokens: self.tokens)
        self.noteIgnored(body.ignoredKeys, of: caller)
        var response = try await handler.connect(
            body,
            ConnectHandler.RequestContext(
                caller: caller, credentials: request.field("authorization").map { TokenHash(of: $0) }, base: self.statusBase(request),
                idempotencyKey: idempotencyKey, readyLimit: readyLimit))
        response.ignoredKeys = body.ignoredKeys
        var reply = Reply.json(response)
        reply.backend = response.backend
        return reply
    }

    // MARK: Revoke, drain, state

    private func revoke(_ request: IncomingRequest, _ caller: Caller, answersNull: Bool) async throws(GatewayError) -> Reply {
        let body = try RevokeRequest(body: try await request.json())
        try await AnswerDeadline().within { () async throws(GatewayError) in try await self.revoke(body, caller) }
        return answersNull ? .json(UnitReply()) : .json("Token revoked successfully")
    }

    private func revoke(_ body: RevokeRequest, _ caller: Caller) async throws(GatewayError) {
        // A revocation is only stored for a known backend; any other would never be deleted.
        if let backend = BackendID(rawValue: body.backend), let located = self.fleet.locate(backend) {
            try self.permit(caller, self.queries.scope(of: located.view, in: located.cluster, changes: true))
            _ = try await self.tokens.revoke(.visitor(backend, user: TokenHash(of: body.user)))
        } else {
            try self.fleet.demandCurrent()
            guard caller.may(CallScope(changes: true)) || self.callers.isOpen else {
                throw GatewayError(status: 403, text: "This token does not reach that far.")
            }
        }
    }

    private func revocations(_ request: IncomingRequest, _ caller: Caller) async throws(GatewayError) -> Reply {
        let body = try RevocationRequest(body: try await request.json())
        return try await AnswerDeadline().within { () async throws(GatewayError) in .json(try await self.outcome(of: body, caller)) }
    }

    private func outcome(of body: RevocationRequest, _ caller: Caller) async throws(GatewayError) -> RevocationOutcome {
        try self.fleet.demandCurrent()
        var scopes: [TokenRevocation.Scope]
        var cluster: ClusterName?
        switch body {
        case .backend(let backend, let user):
            // What is written for backends that nobody knows would stay for ever.
            guard let located = self.fleet.locate(backend) else { throw .backendNotFound }
            try self.permit(caller, self.queries.scope(of: located.view, in: located.cluster, changes: true))
            scopes = [user.map { .visitor(backend, user: TokenHash(of: $0)) } ?? .backend(backend)]
            cluster = located.cluster
        case .user(let user):
            try self.permit(caller, CallScope(changes: true))
            scopes = [.user(TokenHash(of: user))]
        case .key(let key):
            scopes = [.key(TokenHash(of: key.lock.rawValue))]
            if let located = self.fleet.holder(of: key.lock) {
                try self.permit(caller, self.queries.scope(of: located.view, in: located.cluster, changes: true))
                // Opaque tokens are for the backend that holds the key.
                scopes.append(.backend(located.view.id))
            } else {
                try self.permit(caller, CallScope(changes: true, namespace: key.namespace))
            }
        case .token(let token):
            guard let record = try await self.tokens.record(of: token) else { return RevocationOutcome(proxies: 0, answered: 0, ended: 0) }
            guard let located = self.fleet.locate(record.backend) else { throw .backendNotFound }
            try self.permit(caller, self.queries.scope(of: located.view, in: located.cluster, changes: true))
            // A static one lasts as long as its backend, and so does its revocation.
            scopes = [token.isStatic ? .backend(record.backend) : .token(token.hash)]
            cluster = located.cluster
        case .tokenID(let id):
            try self.permit(caller, CallScope(changes: true))
            scopes = [.token(TokenHash(of: id))]
        }
        var outcome = RevocationOutcome(proxies: 0, answered: 0, ended: 0)
        for scope in scopes {
            let next = try await self.fleet.revocations.outcome(of: self.fleet.servingProcesses(in: cluster)) { () async throws(GatewayError) in
                try await self.tokens.revoke(scope)
            }
            outcome.proxies = max(outcome.proxies, next.proxies)
            outcome.answered = scope == scopes.first ? next.answered : min(outcome.answered, next.answered)
            outcome.ended &+= next.ended
        }
        return outcome
    }

    private func drain(_ cluster: ClusterName?, _ drone: DroneID?, _ drains: Bool, _ caller: Caller) async throws(GatewayError) -> Reply {
        guard let cluster, let drone else { throw .droneNotFound }
        try self.permit(caller, CallScope(changes: true, cluster: cluster, pool: self.fleet.drone(drone, in: cluster)?.metadata?.abilities.pool ?? .unnamed))
        return .json(["updated": try await self.control.drain(drone, in: cluster, drains)])
    }

    private func clusterState(_ cluster: ClusterName?, _ caller: Caller) async throws(GatewayError) -> Reply {
        try self.fleet.demandCurrent()
        guard let cluster else { return .json(ClusterStateDocument(controller: self.fleet.name)) }
        try self.permit(caller, CallScope(changes: false, cluster: cluster))
        let (proxies, name) = (self.fleet.proxies(in: cluster), self.fleet.name)
        return await awayFromEventLoop {
            .json(self.fleet.mirror.ask { ClusterStateDocument(of: cluster, fleet: $0, proxies: proxies, controller: name, now: .now()) })
        }
    }
}

/// Public keys, as a JSON Web Key Set (RFC 7517 §5, RFC 8037 §2).
private struct TokenKeySet: JSONEncodable {
    let keys: [TokenPublicKey]

    func write(to json: inout JSONWriter) {
        json.object { $0.field("keys", self.keys.map { Key(key: $0) }) }
    }

    private struct Key: JSONEncodable {
        let key: TokenPublicKey

        func write(to json: inout JSONWriter) {
            json.object {
                $0.field("kty", "OKP")
                $0.field("crv", "Ed25519")
                $0.field("alg", "EdDSA")
                $0.field("use", "sig")
                $0.field("kid", self.key.id)
                $0.field("x", self.key.text)
            }
        }
    }
}

/// The body of `POST /ctrl/b/revoke`.
private struct RevokeRequest: JSONDecodable {
    let backend: String
    let user: String

    init(json: JSONNode) throws(MessageError) {
        self.backend = try json.required("backend_id")
        self.user = try json.required("user")
    }

    init(body: [UInt8]) throws(GatewayError) {
        let document: JSONSyntax
        do throws(MessageError) {
            document = try WireCodec.decode(JSONSyntax.self, from: body)
        } catch {
            throw GatewayError(status: 400, text: "the body is not JSON: \(error)")
        }
        do throws(MessageError) { self = try RevokeRequest(json: document.node) } catch { throw .unprocessable(error) }
    }
}
