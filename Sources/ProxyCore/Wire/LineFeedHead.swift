/// A response head whose fields end with line feeds alone, as scripts behind a CGI server write them (RFC 9112 §2.2 lets a recipient accept those). Its
/// status line may end in either way, because the server before the script writes that.
///
/// Only a head in which all field lines end alike is accepted. If some had a carriage return and others none, one reader would see a field where another sees
/// a part of a value, and so a value that a stranger chose could become a field.
enum LineFeedHead {
    enum Reading: Equatable {
        case needsMore
        /// - Parameters:
        ///   - length: How many bytes were read.
        ///   - strict: The head with CR LF at the end of each line.
        case head(length: Int, strict: [UInt8])
    }

    /// - Parameter bytes: The message from its first byte.
    static func read(_ bytes: Span<UInt8>, limits: borrowing ProxyLimits) throws(HTTPViolation) -> Reading {
        guard let statusEnd = bytes.firstIndex(of: .lineFeed, in: 0..<bytes.count) else { return try self.more(bytes, limits) }
        var strict: [UInt8] = []
        self.append(bytes, 0..<(statusEnd > 0 && bytes[statusEnd - 1] == .carriageReturn ? statusEnd - 1 : statusEnd), to: &strict)
        var start = statusEnd + 1
        while let end = bytes.firstIndex(of: .lineFeed, in: start..<bytes.count) {
            if end > start, bytes[end - 1] == .carriageReturn { throw .bareLineFeed }
            guard strict.count < limits.headBytes else { throw .headTooLarge }
            self.append(bytes, start..<end, to: &strict)
            if end == start { return .head(length: end + 1, strict: strict) }
            start = end + 1
        }
        return try self.more(bytes, limits)
    }

    private static func more(_ bytes: Span<UInt8>, _ limits: borrowing ProxyLimits) throws(HTTPViolation) -> Reading {
        guard bytes.count < limits.headBytes else { throw .headTooLarge }
        return .needsMore
    }

    private static func append(_ bytes: Span<UInt8>, _ line: Range<Int>, to strict: inout [UInt8]) {
        for index in line { strict.append(bytes[index]) }
        strict.append(.carriageReturn)
        strict.append(.lineFeed)
    }
}
