/// A mistake in the configuration, because of which the service does not start.
package struct ConfigMistake: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Place: Hashable, Sendable, CustomStringConvertible {
        case key(String)
        /// A key that an environment variable sets.
        case variable(String, key: String)
        /// A file, with line and column if known.
        case file(String)

        package var description: String {
            switch self {
            case .key(let key): key
            case .variable(let name, let key): "\(key) (from \(name))"
            case .file(let file): file
            }
        }
    }

    package let place: Place
    /// The value that was found; secrets are not shown.
    package let found: String
    package let expectation: String

    package init(place: Place, found: String, expectation: String) {
        self.place = place
        self.found = found
        self.expectation = expectation
    }

    /// Such as `proxy.http_port: found 70000, expected a port from 0 to 65535`.
    package var description: String { "\(self.place): found \(self.found), expected \(self.expectation)" }
}

/// All mistakes in a configuration.
package struct ConfigurationError: Error, CustomStringConvertible {
    package let mistakes: [ConfigMistake]
    package let warnings: [ConfigWarning]

    package init(mistakes: [ConfigMistake], warnings: [ConfigWarning] = []) {
        self.mistakes = mistakes
        self.warnings = warnings
    }

    /// One line for each mistake.
    package var description: String { self.mistakes.map(\.description).joined(separator: "\n") }
}
