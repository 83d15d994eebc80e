import ArgumentParser
import PlaneProtocol

/// `NAME=VALUE`, or `NAME` for the value it has in our own environment, as `docker run -e` takes them. A secret is better
/// not written into a command line, where every user of the machine can read it.
struct EnvironmentArgument: ExpressibleByArgument, Equatable {
    var name: String
    /// nil: that of our own environment.
    var value: Secret?

    init?(argument: String) {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard !parts[0].isEmpty else { return nil }
        self.name = String(parts[0])
        self.value = parts.count == 2 ? Secret(String(parts[1])) : nil
    }
}
