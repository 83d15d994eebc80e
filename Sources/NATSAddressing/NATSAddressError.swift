/// A text that is not the URL of a NATS server.
package struct NATSAddressError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The text without its credentials.
    package let url: String
    /// How to write it correctly.
    package let hint: String

    package var description: String { "\(self.url) is no URL of a NATS server: \(self.hint)" }
}
