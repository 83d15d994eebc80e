package import PlaneProtocol

/// Why a request was not answered as requested, in one of the two forms that clients of Plane 0.5 know.
package struct GatewayError: Error, Hashable, Sendable {
    /// The values of `kind` in an error object. Official clients know only these.
    package enum Kind: String, Sendable, CaseIterable {
        case keyUnheldNoSpawnConfig = "KeyUnheldNoSpawnConfig"
        case keyHeld = "KeyHeld"
        case failedToRemoveKey = "FailedToRemoveKey"
        case noClusterProvided = "NoClusterProvided"
        case failedToAcquireKey = "FailedToAcquireKey"
        case noDroneAvailable = "NoDroneAvailable"
        case notFound = "NotFound"
        case invalidClusterName = "InvalidClusterName"
        case other = "Other"

        package var status: Int {
            switch self {
            case .keyUnheldNoSpawnConfig, .keyHeld, .failedToRemoveKey: 409
            case .noClusterProvided, .invalidClusterName: 400
            case .notFound: 404
            case .failedToAcquireKey, .noDroneAvailable, .other: 500
            }
        }

        /// The text for `message`. It never changes, because clients may compare it.
        package var message: String {
            switch self {
            case .keyUnheldNoSpawnConfig: "Lock is unheld but no spawn config was provided."
            case .keyHeld: "Lock is held but tag does not match."
            case .failedToRemoveKey: "Failed to remove lock."
            case .noClusterProvided: "No cluster provided, and no default cluster for this controller."
            case .failedToAcquireKey: "Failed to acquire lock."
            case .noDroneAvailable: "No active drone available."
            case .notFound: "Backend does not exist"
            case .invalidClusterName: "Invalid cluster name"
            case .other: "Internal error."
            }
        }
    }

    package enum Shape: Hashable, Sendable {
        /// An error object.
        case object(Kind)
        /// A text, for invalid requests.
        case text
    }

    package var shape: Shape
    package var status: Int
    /// The value of `message` in the object, or the text.
    package var message: String
    /// The explanation for people in one sentence, the value of `detail` in the object.
    package var detail: String?
    /// Seconds after which the same request may succeed; nil if that is not to be expected.
    package var retryAfterSeconds: Int?
    /// The cause for the log; the client does not get it.
    package var internalCause: String?

    package init(_ kind: Kind, message: String? = nil, detail: String? = nil, retryAfterSeconds: Int? = nil, internalCause: String? = nil) {
        self.shape = .object(kind)
        self.status = kind.status
        self.message = message ?? kind.message
        self.detail = detail
        self.retryAfterSeconds = retryAfterSeconds
        self.internalCause = internalCause
    }

    package init(status: Int, text: String, retryAfterSeconds: Int? = nil) {
        self.shape = .text
        self.status = status
        self.message = text
        self.retryAfterSeconds = retryAfterSeconds
    }

    package static let backendNotFound = GatewayError(.notFound)
    package static let droneNotFound = GatewayError(.notFound, message: "Drone does not exist")

    /// The body is JSON, but not what the route expects.
    package static func unprocessable(_ error: MessageError) -> GatewayError { GatewayError(status: 422, text: "\(error)") }
    package static func unprocessable(_ text: String) -> GatewayError { GatewayError(status: 422, text: text) }

    /// The schedulers or NATS cannot answer now.
    package static func unavailable(_ cause: String) -> GatewayError {
        GatewayError(.other, detail: "The control plane cannot answer at the moment.", retryAfterSeconds: 2, internalCause: cause)
    }

    /// - Parameter id: the id of this answer, which is in the log too.
    package func body(id: String) -> [UInt8] {
        switch self.shape {
        case .text: return Array(self.message.utf8)
        case .object(let kind):
            var writer = JSONWriter()
            writer.object {
                $0.field("id", id)
                $0.field("kind", kind.rawValue)
                $0.field("message", self.message)
                $0.fieldIfPresent("detail", self.detail)
            }
            return writer.bytes
        }
    }

    package var contentType: String {
        switch self.shape {
        case .text: "text/plain; charset=utf-8"
        case .object: "application/json"
        }
    }
}
