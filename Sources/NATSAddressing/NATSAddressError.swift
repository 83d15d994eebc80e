/// A text that is no URL of a NATS server.
package struct NATSAddressError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was read, without its credentials.
    package let url: String
    /// What to write instead.
    package let hint: String

    package var description: String { "\(self.url) is no URL of a NATS server: \(self.hint)" }
}
