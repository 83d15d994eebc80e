import ArgumentParser
import PlaneProtocol

/// `NAME=VALUE`, or `NAME` for its value in this process's environment, as in `docker run -e`. A secret should not be part of a command line, which every
/// user of the machine can read.
struct EnvironmentArgument: ExpressibleByArgument, Equatable {
    var name: String
    /// Nil takes the value from this process's environment.
    var value: Secret?

    init?(argument: String) {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard !parts[0].isEmpty else { return nil }
        self.name = String(parts[0])
        self.value = parts.count == 2 ? Secret(String(parts[1])) : nil
    }
}
