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
}
