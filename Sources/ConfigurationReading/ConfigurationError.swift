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
