import ArgumentParser

/// `HOST:CONTAINER[:OPTIONS]`, both absolute paths.
struct MountArgument: ExpressibleByArgument, Equatable {
    var bind: String

    init?(argument: String) {
        let parts = argument.split(separator: ":", omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count), parts[0].hasPrefix("/"), parts[1].hasPrefix("/"), parts.last != "" else {
            return nil
        }
        self.bind = argument
    }
}
