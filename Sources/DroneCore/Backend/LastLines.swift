/// What a container printed last, as far as the report of its end carries it. Enough for a stack trace's top or a sentence about a
/// missing variable; reports are kept by schedulers for days, so not more.
enum LastLines {
    static let countLimit = 20
    /// Per line, in characters.
    private static let lengthLimit = 400
    /// Of all lines, in bytes.
    private static let sizeLimitBytes = 4096

    /// The newest lines that fit, oldest first. Long ones are cut; lines without anything to see are left out.
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
