/// How a backend's container was started. Open: a newer agent may know more ways.
package struct BackendStartKind: JSONText, Hashable, Codable {
    package static var expectation: String { "a string" }

    package let rawValue: String

    package init(rawValue: String) {
        self.rawValue = rawValue
    }

    /// Made and started with everything it needs.
    package static let cold = BackendStartKind(rawValue: "cold")
    /// In a network that was ready.
    package static let sandbox = BackendStartKind(rawValue: "sandbox")
    /// In a container that ran already, and waited to be told its environment and arguments.
    package static let parked = BackendStartKind(rawValue: "parked")
}
