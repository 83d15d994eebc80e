package import ArgumentParser

/// What every service understands on its command line.
package struct ServiceOptions: ParsableArguments {
    @Argument(
        help: "Configuration file (TOML). Variables PLANE_A__B override its keys a.b; without a file they must say everything.",
        completion: .file(extensions: ["toml"]))
    package var configurationFile: String?

    @Flag(help: "Read and check the configuration, say what is wrong with it, and exit with 0 or 64.")
    package var check = false

    @Flag(name: [.customLong("dump-config"), .customShort("d")], help: "Print the configuration in effect as TOML, without secrets, and exit.")
    package var dumpConfiguration = false

    package init() {}
}
