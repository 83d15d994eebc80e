import ArgumentParser

/// `NAME=VALUE`; a name alone has the empty text for value, as with `docker run --label`.
struct LabelArgument: ExpressibleByArgument, Equatable {
    var name: String
    var value: String

    init?(argument: String) {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard !parts[0].isEmpty else { return nil }
        self.name = String(parts[0])
        self.value = parts.count == 2 ? String(parts[1]) : ""
    }
}
