/// How a backend's container was started. Any text is accepted, because a newer agent may know more ways.
package struct BackendStartKind: JSONText, Hashable, Codable {
    package static var expectation: String { "a string" }

    package let rawValue: String

    package init(rawValue: String) {
        self.rawValue = rawValue
    }

    /// The container was made and started with a network of its own.
    package static let cold = BackendStartKind(rawValue: "cold")
    /// The container was started in a network that was ready (a sandbox).
    package static let sandbox = BackendStartKind(rawValue: "sandbox")
    /// In a container that ran already, and waited to be told its environment and arguments.
    package static let parked = BackendStartKind(rawValue: "parked")
}
