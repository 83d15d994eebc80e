package import PlaneProtocol

/// What a request asks for. Names in the path are parsed here; an invalid name is nil, and nothing with it exists.
package enum Route: Hashable, Sendable {
    // Plane 0.5
    case health
    case status(BackendID?)
    case statusStream(BackendID?)
    case controllerStatus
    case connect
    case terminate(BackendID?, BackendEnding.Kind)
    case revoke(answersNull: Bool)
    case drain(ClusterName?, DroneID?)
    case clusterState(ClusterName?)
    case nodeSocket
    // Ours
    case revocations
    case tokenKeys
    case undrain(ClusterName?, DroneID?)
    case listBackends
    case backend(BackendID?)
    case logs(BackendID?)
    case logStream(BackendID?)
    case metrics(BackendID?)
    case events(ClusterName?)
    case openAPI
    // The page
    case page
    case pageStyle
    case pageScript
    case pageEvents
    case pageBackend(BackendID?)
    case pageTerminate(BackendID?)
    case pageDrain(ClusterName?, DroneID?)
    case pageLogin
    case pageLogout

    /// Who may use a route.
    package enum Audience: Hashable, Sendable {
        /// Browsers of visitors, on pages of any site.
        case everybody
        /// The application.
        case control
        /// People with a browser.
        case page
    }

    package var audience: Audience {
        switch self {
        case .health, .status, .statusStream, .openAPI, .tokenKeys: .everybody
        case .controllerStatus, .connect, .terminate, .revoke, .revocations, .drain, .clusterState, .nodeSocket, .undrain, .listBackends, .backend, .logs,
            .logStream, .metrics, .events:
            .control
        case .page, .pageStyle, .pageScript, .pageEvents, .pageBackend, .pageTerminate, .pageDrain, .pageLogin, .pageLogout: .page
        }
    }

    /// Whether the route may change something. Then it requires the right to write, and is logged.
    package var changes: Bool {
        switch self {
        case .connect, .terminate, .revoke, .revocations, .drain, .undrain, .pageTerminate, .pageDrain: true
        case .health, .status, .statusStream, .controllerStatus, .clusterState, .nodeSocket, .listBackends, .backend, .logs, .logStream, .metrics, .events,
            .openAPI, .tokenKeys, .page, .pageStyle, .pageScript, .pageEvents, .pageBackend, .pageLogin, .pageLogout:
            false
        }
    }
}

/// The names of routes in logs and metrics.
extension Route {
    package var name: String {
        switch self {
        case .health: "health"
        case .status: "status"
        case .statusStream: "status_stream"
        case .controllerStatus: "controller_status"
        case .connect: "connect"
        case .terminate(_, .soft): "soft_terminate"
        case .terminate(_, .hard): "hard_terminate"
        case .revoke: "revoke"
        case .revocations: "revocations"
        case .tokenKeys: "token_keys"
        case .drain: "drain"
        case .clusterState: "cluster_state"
        case .nodeSocket: "node_socket"
        case .undrain: "undrain"
        case .listBackends: "list_backends"
        case .backend: "backend"
        case .logs: "logs"
        case .logStream: "log_stream"
        case .metrics: "metrics"
        case .events: "events"
        case .openAPI: "openapi"
        case .page: "page"
        case .pageStyle: "page_style"
        case .pageScript: "page_script"
        case .pageEvents: "page_events"
        case .pageBackend: "page_backend"
        case .pageTerminate: "page_terminate"
        case .pageDrain: "page_drain"
        case .pageLogin: "page_login"
        case .pageLogout: "page_logout"
        }
    }

    /// The backend named in the path.
    package var backend: BackendID? {
        switch self {
        case .status(let backend), .statusStream(let backend), .terminate(let backend, _), .backend(let backend), .logs(let backend),
            .logStream(let backend), .metrics(let backend), .pageBackend(let backend), .pageTerminate(let backend):
            backend
        case .health, .controllerStatus, .connect, .revoke, .revocations, .tokenKeys, .drain, .clusterState, .nodeSocket, .undrain, .listBackends, .events,
            .openAPI, .page,
            .pageStyle, .pageScript, .pageEvents, .pageDrain, .pageLogin, .pageLogout:
            nil
        }
    }

    /// The drone named in the path.
    package var drone: DroneID? {
        switch self {
        case .drain(_, let drone), .undrain(_, let drone), .pageDrain(_, let drone): drone
        case .health, .controllerStatus, .connect, .revoke, .revocations, .tokenKeys, .clusterState, .nodeSocket, .listBackends, .events, .openAPI, .page,
            .pageStyle, .pageScript,
            .pageEvents, .pageLogin, .pageLogout, .status, .statusStream, .terminate, .backend, .logs, .logStream, .metrics, .pageBackend, .pageTerminate:
            nil
        }
    }
}
