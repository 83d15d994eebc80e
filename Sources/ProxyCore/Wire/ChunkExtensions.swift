/// The extensions of a chunk, behind its size (RFC 9112 §7.1.1): `;name`, `;name=token` or `;name="quoted"`, with blanks between these.
///
/// Hardly anything uses them but signatures of some object stores. A recipient has to ignore those it does not know, so a proxy may: they are only read to
/// find the end of the line, about which parsers have been made to disagree, and are not sent on.
enum ChunkExtensions {
    /// How many bytes of extensions one line may have; signatures have less than 100. Longer ones would cost the proxy more work than they are worth.
    private static let limit = 256

    /// The end of the line with the extensions; nil when it is not in these bytes.
    ///
    /// - Parameter start: Behind the size's last digit.
    static func end(_ bytes: Span<UInt8>, from start: Int) throws(HTTPViolation) -> Int? {
        let end = try self.read(bytes, from: start)
        guard (end ?? bytes.count) - start <= self.limit else { throw .malformedChunkExtension }
        return end
    }

    private static func read(_ bytes: Span<UInt8>, from start: Int) throws(HTTPViolation) -> Int? {
        var position = start
        while position < bytes.count {
            if bytes[position] == .carriageReturn, position > start { return position }
            guard self.skip(";", bytes, &position) else {
                if position == bytes.count { return nil }
                throw .malformedChunkExtension
            }
            self.skipBlanks(bytes, &position)
            try self.skipToken(bytes, &position)
            if self.skip("=", bytes, &position) {
                self.skipBlanks(bytes, &position)
                if position < bytes.count, bytes[position] == UInt8(ascii: "\"") {
                    try self.skipQuoted(bytes, &position)
                } else {
                    try self.skipToken(bytes, &position)
                }
            }
        }
        return nil
    }

    private static func skipBlanks(_ bytes: Span<UInt8>, _ position: inout Int) {
        while position < bytes.count, bytes[position].isBlank { position += 1 }
    }

    /// Skips blanks and this character behind them. If another character is there nothing is skipped; if the bytes end, the blanks are.
    private static func skip(_ character: Unicode.Scalar, _ bytes: Span<UInt8>, _ position: inout Int) -> Bool {
        var next = position
        self.skipBlanks(bytes, &next)
        if next == bytes.count {
            position = next
            return false
        }
        guard bytes[next] == UInt8(ascii: character) else { return false }
        position = next + 1
        return true
    }

    /// Skips a token; one that ends with the bytes, and may continue behind them, is accepted, too.
    private static func skipToken(_ bytes: Span<UInt8>, _ position: inout Int) throws(HTTPViolation) {
        let start = position
        while position < bytes.count, bytes[position].isTokenCharacter { position += 1 }
        guard position > start || position == bytes.count else { throw .malformedChunkExtension }
    }

    /// Skips a quoted string (RFC 9110 §5.6.4).
    private static func skipQuoted(_ bytes: Span<UInt8>, _ position: inout Int) throws(HTTPViolation) {
        position += 1
        while position < bytes.count {
            let byte = bytes[position]
            guard byte.isFieldValueCharacter else { throw .malformedChunkExtension }
            position += 1
            if byte == UInt8(ascii: "\"") { return }
            guard byte == UInt8(ascii: "\\"), position < bytes.count else { continue }
            guard bytes[position].isFieldValueCharacter else { throw .malformedChunkExtension }
            position += 1
        }
    }
}
