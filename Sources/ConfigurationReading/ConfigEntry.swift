/// One key of the configuration: what it is for and what it holds. Reading a configuration makes these as a by-product, and so the
/// effective configuration, the search for unknown keys and the reference table cannot differ from what is read.
package struct ConfigEntry: Hashable, Sendable {
    package enum Presence: Hashable, Sendable {
        /// Nothing works without it, or without the table it is in.
        case required
        case optional
        /// The default is the value of an entry of an empty file.
        case defaulted
    }

    package let path: [String]
    /// Completes "expected …".
    package let expectation: String
    package let presence: Presence
    /// Tells an operator what the key does.
    package let summary: String
    package let isSecret: Bool
    /// In effect: from the file, the environment or the default; nil if not set. Redacted if secret.
    package let value: ConfigValue?

    package var key: String { self.path.joined(separator: ".") }
}
