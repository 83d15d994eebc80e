package import PlaneProtocol

extension BackendStateMessage {
    package static func make(
        _ state: BackendState, backend: String = "b1", cluster: String = "plane.test", second: Int64 = 0,
        detail: BackendStatusDetail? = nil
    ) throws -> BackendStateMessage {
        BackendStateMessage(
            cluster: try .make(cluster), state: state, backend: try .make(backend),
            time: WireTime(seconds: 1_700_000_000 + second), detail: detail)
    }
}

/// The text is not a name of that kind.
package struct InvalidName: Error {
    let text: String
}

extension ClusterName {
    package static func make(_ text: String) throws -> ClusterName {
        guard let name = ClusterName(rawValue: text) else { throw InvalidName(text: text) }
        return name
    }
}

extension BackendID {
    package static func make(_ text: String) throws -> BackendID {
        guard let id = BackendID(rawValue: text) else { throw InvalidName(text: text) }
        return id
    }
}

extension DroneID {
    package static func make(_ text: String) throws -> DroneID {
        guard let id = DroneID(rawValue: text) else { throw InvalidName(text: text) }
        return id
    }
}
