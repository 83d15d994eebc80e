/// Says that a backend is being ended: the proxy lets no new requests in, but the process may still run. Sent with the current state, before the end itself.
/// An addition to 0.3.24, which takes it for a repetition of that state.
package struct BackendEnding: Hashable, Sendable {
    package enum Kind: String, JSONText, CaseIterable, Codable {
        /// The process is asked to end, and killed after the drone's `stop_timeout_secs`.
        case soft
        /// The process is killed at once.
        case hard
    }

    /// Why it is being ended. Any text is accepted: a newer agent may know more reasons, and an unknown one must not make a message unreadable.
    package struct Reason: JSONText, Hashable, Codable {
        package static var expectation: String { "a string" }

        package let rawValue: String

        package init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// Nobody was connected for `max_idle_secs`, or the backend has lived for `lifetime_limit_secs`.
        package static let swept = Reason(rawValue: "swept")
        /// Somebody has asked for the end.
        package static let external = Reason(rawValue: "external")
        /// The port did not answer in time.
        package static let startupTimeout = Reason(rawValue: "startuptimeout")
        /// Something on the drone failed.
        package static let internalError = Reason(rawValue: "internalerror")
    }

    package var kind: Kind
    package var reason: Reason
    /// When the end was decided, by the drone's clock.
    package var time: WireTime

    package init(_ kind: Kind, _ reason: Reason, at time: WireTime) {
        self.kind = kind
        self.reason = reason
        self.time = time
    }
}

extension BackendEnding: JSONCodable {
    package init(json: JSONNode) throws(MessageError) {
        self.kind = try json.required("kind")
        self.reason = try json.required("reason")
        self.time = try json.required("at")
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("kind", self.kind)
            $0.field("reason", self.reason)
            $0.field("at", self.time)
        }
    }
}
