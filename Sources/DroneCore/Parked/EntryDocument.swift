/// What a parked container is told when a backend gets it, as `ParkedProgram` reads it.
struct EntryDocument: Hashable {
    /// The program, and its arguments.
    var arguments: [String]
    /// `NAME=value`; a name alone stands for the value that the container was made with.
    var environment: [String]

    /// Longer ones are not sent: the backend's container is made in the usual way, which says what is wrong where it does not go either.
    static let limitBytes = 1 << 20

    /// - Returns: Nil for one that is too long, or cannot be told: a text with a NUL in it, or no program.
    var bytes: [UInt8]? {
        let texts = self.arguments + self.environment
        guard !self.arguments.isEmpty, !texts.contains(where: { $0.utf8.contains(0) }) else { return nil }
        let length = texts.reduce(8) { $0 + $1.utf8.count + 1 }
        guard length <= Self.limitBytes else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(length + 4)
        for number in [length, self.arguments.count, self.environment.count] {
            withUnsafeBytes(of: UInt32(number).littleEndian) { bytes += $0 }
        }
        for text in texts {
            bytes += text.utf8
            bytes.append(0)
        }
        return bytes
    }
}

extension EntryDocument {
    /// Docker's own, where neither image nor request says anything.
    private static let standardPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    /// What Docker would make of the request at once, in the same order: its own variables, the request's, those of the image that the request does
    /// not name. Variables with a name that was there before take its place. What the runtime adds behind them the container has already.
    ///
    /// - Parameters:
    ///   - requested: sorted here, as they are in a request to Docker.
    ///   - image: as the image has them.
    static func environment(_ requested: [String: String], image: [String]) -> [String] {
        var list = [Self.standardPath, "HOSTNAME"]
        let own = requested.map { "\($0.key)=\($0.value)" }.sorted()
        for variable in own + image.filter({ requested[Self.name(of: $0)] == nil }) {
            let name = Self.name(of: variable)
            if let index = list.firstIndex(where: { Self.name(of: $0) == name }) { list[index] = variable } else { list.append(variable) }
        }
        return list
    }

    private static func name(of variable: String) -> String { String(variable.prefix { $0 != "=" }) }
}
