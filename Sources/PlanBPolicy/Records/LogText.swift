/// Escapes text from visitors for log lines.
package enum LogText {
    /// Writes bytes that could end a line or a field, or control a terminal, as in `\x0A`. The backslash is escaped, too, so that the original can be
    /// restored.
    package static func write(_ bytes: Span<UInt8>, _ range: Range<Int>, into out: inout [UInt8]) {
        for index in range { Self.write(bytes[index], into: &out) }
    }

    package static func write(_ byte: UInt8, into out: inout [UInt8]) {
        guard byte < 0x20 || byte == 0x22 || byte == 0x5C || byte == 0x7F else { return out.append(byte) }
        out += [0x5C, 0x78, Self.digit(byte >> 4), Self.digit(byte & 0xF)]
    }

    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x37 + value }

    package static func escaped(_ bytes: [UInt8]) -> String {
        var out: [UInt8] = []
        for byte in bytes.prefix(4096) { Self.write(byte, into: &out) }
        return String(decoding: out, as: UTF8.self)
    }

    /// Writes a path with its escapes decoded, so that `%41` becomes `A`; a percent sign without two digits is kept.
    package static func writeDecoded(_ bytes: Span<UInt8>, _ range: Range<Int>, into out: inout [UInt8]) {
        var index = range.lowerBound
        while index < range.upperBound {
            if bytes[index] == UInt8(ascii: "%"), index + 2 < range.upperBound, let high = Self.value(bytes[index + 1]),
                let low = Self.value(bytes[index + 2])
            {
                Self.write(high << 4 | low, into: &out)
                index += 3
            } else {
                Self.write(bytes[index], into: &out)
                index += 1
            }
        }
    }

    private static func value(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }
}
