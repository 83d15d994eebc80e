/// One key of the configuration: what it does and what value it has. Reading a configuration makes these as well, so the effective configuration, the search
/// for unknown keys and the reference table always agree with what is read.
package struct ConfigEntry: Hashable, Sendable {
    package enum Presence: Hashable, Sendable {
        /// The key has to be there, if its table is.
        case required
        case optional
        /// The default is the value in an entry of an empty file.
        case defaulted
    }

    package let path: [String]
    /// A text that follows "expected".
    package let expectation: String
    package let presence: Presence
    /// Tells an operator what the key does.
    package let summary: String
    package let isSecret: Bool
    /// The value in effect: from the file, the environment or the default; nil if not set. Redacted if secret.
    package let value: ConfigValue?

    package var key: String { self.path.joined(separator: ".") }
}
