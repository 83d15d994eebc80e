package import ArgumentParser

/// The options of every service's command line.
package struct ServiceOptions: ParsableArguments {
    @Argument(
        help: "Configuration file (TOML). Variables PLANE_A__B override its keys a.b; without a file they must say everything.",
        completion: .file(extensions: ["toml"]))
    package var configurationFile: String?

    @Flag(help: "Read and check the configuration, say what is wrong with it, and exit with 0 or 64.")
    package var check = false

    @Flag(help: "With --check: take warnings, as of keys that are not known, for mistakes too.")
    package var strict = false

    @Flag(name: [.customLong("dump-config"), .customShort("d")], help: "Print the configuration in effect as TOML, without secrets, and exit.")
    package var dumpConfiguration = false

    package init() {}

    package func validate() throws {
        if self.strict, !self.check { throw ValidationError("--strict goes with --check.") }
    }
}
