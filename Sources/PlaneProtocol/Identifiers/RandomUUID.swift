/// Makes random UUIDs (RFC 9562 §5.4) from a given generator, so that tests can repeat them.
enum RandomUUID {
    /// 36 characters in lower case, such as `0b7f6c1e-50c4-4a0e-9d55-6f2f4f3f2a10`.
    static func text(using generator: inout some RandomNumberGenerator) -> String {
        var high: UInt64 = generator.next()
        var low: UInt64 = generator.next()
        high = high & ~0xF000 | 0x4000  // version 4
        low = low & ~(0b11 << 62) | 0b10 << 62  // variant of the RFC
        var text: [UInt8] = []
        text.reserveCapacity(36)
        for nibble in 0..<32 {
            if [8, 12, 16, 20].contains(nibble) { text.append(UInt8(ascii: "-")) }
            let word = nibble < 16 ? high : low
            let digit = UInt8(truncatingIfNeeded: word >> (60 - 4 * UInt64(nibble % 16)) & 0xF)
            text.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        }
        return String(decoding: text, as: UTF8.self)
    }
}
