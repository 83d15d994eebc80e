package import PlaneProtocol

/// Why a request is not answered as it was wanted, in one of the two shapes that clients of Plane 0.5 know.
package struct GatewayFailure: Error, Hashable, Sendable {
    /// What the error object says under `kind`. Official clients know these words and no others.
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

        /// Clients may compare it.
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
        /// The error object.
        case object(Kind)
        /// A text, for requests that are wrong in themselves.
        case text
    }

    package var shape: Shape
    package var status: Int
    /// In the object under `message`, or the text.
    package var message: String
    /// One sentence for a person, in the object under `detail`.
    package var detail: String?
    /// Seconds after which the same request may succeed; nil where that is not to be expected.
    package var retryAfterSeconds: Int?
    /// For the log and not for the client.
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

    package static let backendNotFound = GatewayFailure(.notFound)
    package static let droneNotFound = GatewayFailure(.notFound, message: "Drone does not exist")

    /// JSON of the right form with the wrong content.
    package static func unprocessable(_ error: MessageError) -> GatewayFailure { GatewayFailure(status: 422, text: "\(error)") }
    package static func unprocessable(_ text: String) -> GatewayFailure { GatewayFailure(status: 422, text: text) }

    /// The schedulers or NATS cannot do it now.
    package static func unavailable(_ cause: String) -> GatewayFailure {
        GatewayFailure(.other, detail: "The control plane cannot answer at the moment.", retryAfterSeconds: 2, internalCause: cause)
    }

    /// - Parameter id: of this answer, which the log has too.
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
