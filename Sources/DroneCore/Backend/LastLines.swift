/// The last lines that a container printed, for the report of its end. They are enough for the top of a stack trace or a sentence about a missing variable,
/// and not more, because schedulers keep reports for days.
enum LastLines {
    static let countLimit = 20
    /// Length of a line, in characters.
    private static let lengthLimit = 400
    /// Length of all lines together, in bytes.
    private static let sizeLimitBytes = 4096

    /// The newest lines that fit, oldest first. Long lines are cut, and blank ones left out.
    static func fit(_ lines: [String]) -> [String] {
        var kept: [String] = []
        var size = 0
        for line in lines.reversed() where !line.allSatisfy(\.isWhitespace) {
            let text = line.count > Self.lengthLimit ? line.prefix(Self.lengthLimit) + "…" : line
            size += text.utf8.count
            guard kept.count < Self.countLimit, size <= Self.sizeLimitBytes else { break }
            kept.append(text)
        }
        return kept.reversed()
    }
}
