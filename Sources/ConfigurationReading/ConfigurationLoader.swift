import FoundationEssentials
import Glibc

/// Reads a configuration from its file and the environment.
package enum ConfigurationLoader {
    /// The result of reading a configuration.
    package struct Loaded<Configuration: ConfigReadable>: Sendable {
        package let configuration: Configuration
        package let warnings: [ConfigWarning]
        /// Every key with the value in effect.
        package let entries: [ConfigEntry]
    }

    /// - Parameters:
    ///   - file: nil if everything is in the environment.
    ///   - doesWithoutCredentials: whether it is only read for display, where systemd passes no credentials.
    package static func load<Configuration: ConfigReadable>(
        _: Configuration.Type = Configuration.self, file: String?, environment: [String: String], doesWithoutCredentials: Bool = false
    ) throws(ConfigurationError) -> Loaded<Configuration> {
        try self.load(tree: self.tree(file: file), environment: environment, doesWithoutCredentials: doesWithoutCredentials)
    }

    /// Reads a configuration from text in memory.
    package static func load<Configuration: ConfigReadable>(
        _: Configuration.Type = Configuration.self, toml: String, named name: String = "configuration", environment: [String: String] = [:]
    ) throws(ConfigurationError) -> Loaded<Configuration> {
        try self.load(tree: self.tree(toml: toml, file: name), environment: environment)
    }

    /// Every key with its default, for the reference table.
    package static func describe<Configuration: ConfigReadable>(_: Configuration.Type) -> [ConfigEntry] {
        self.description(of: Configuration.self).entries
    }

    private static func description<Configuration: ConfigReadable>(of _: Configuration.Type) -> ConfigReader {
        var reader = ConfigReader(.table([:]), purpose: .describing)
        _ = Configuration(&reader)
        return reader
    }

    private static func load<Configuration: ConfigReadable>(
        tree: ConfigValue, environment: [String: String], doesWithoutCredentials: Bool = false
    ) throws(ConfigurationError) -> Loaded<Configuration> {
        var context = ConfigContext(environment: environment)
        context.doesWithoutCredentials = doesWithoutCredentials
        var reader = ConfigReader(tree.overlaid(with: environment), context: context)
        let configuration = Configuration(&reader)
        reader.warnOfUnknownKeys(description: self.description(of: Configuration.self))
        guard let configuration, reader.mistakes.isEmpty else {
            throw ConfigurationError(mistakes: reader.mistakes, warnings: reader.warnings)
        }
        return Loaded(configuration: configuration, warnings: reader.warnings, entries: reader.entries)
    }

    private static func tree(file: String?) throws(ConfigurationError) -> ConfigValue {
        guard let file else { return .table([:]) }
        let data: Data
        do {
            data = try Data(contentsOf: URL(filePath: file))
        } catch {
            throw ConfigurationError(mistakes: [ConfigMistake(place: .file(file), found: Self.reason(file), expectation: "a TOML file")])
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw ConfigurationError(mistakes: [ConfigMistake(place: .file(file), found: "bytes that are not UTF-8", expectation: "TOML")])
        }
        return try self.tree(toml: text, file: file)
    }

    /// Why a file cannot be read.
    private static func reason(_ file: String) -> String {
        var status = stat()
        guard stat(file, &status) == 0 else {
            return errno == ENOENT ? "no file of this name" : "nothing that can be read (\(String(cString: strerror(errno))))"
        }
        if status.st_mode & S_IFMT == S_IFDIR { return "a directory" }
        guard access(file, R_OK) != 0 else { return "nothing that can be read" }
        return errno == EACCES ? "a file that this user may not read" : "nothing that can be read (\(String(cString: strerror(errno))))"
    }

    private static func tree(toml: String, file: String) throws(ConfigurationError) -> ConfigValue {
        do throws(ConfigMistake) {
            return try .parse(toml: toml, file: file)
        } catch {
            throw ConfigurationError(mistakes: [error])
        }
    }
}
