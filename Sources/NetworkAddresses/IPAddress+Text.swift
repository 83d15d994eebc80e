/// IPv4 in dotted decimal without leading zeros (which some programs read as octal), IPv6 as in RFC 4291 §2.2; written as RFC 5952 requires.
extension IPAddress: LosslessStringConvertible {
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        if let v4 = Self.dotted(bytes[...]) {
            self = .v4(v4)
        } else if let groups = Self.groups(bytes) {
            self = .v6(high: Self.word(groups[0..<4]), low: Self.word(groups[4..<8]))
        } else {
            return nil
        }
    }

    package var description: String {
        switch self {
        case .v4(let address):
            return Self.dotted(address)
        case .v6(0, let low) where low >> 32 == 0xFFFF:
            return "::ffff:\(Self.dotted(UInt32(truncatingIfNeeded: low)))"
        case .v6(let high, let low):
            let groups = [high, low].flatMap { word in [48, 32, 16, 0].map { UInt16(truncatingIfNeeded: word >> $0) } }
            let texts = groups.map { String($0, radix: 16) }
            guard let zeros = Self.longestZeroRun(groups) else { return texts.joined(separator: ":") }
            return texts[..<zeros.lowerBound].joined(separator: ":") + "::" + texts[zeros.upperBound...].joined(separator: ":")
        }
    }

    // MARK: Reading

    private static func dotted(_ bytes: ArraySlice<UInt8>) -> UInt32? {
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var address: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.count), part.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
                part.count == 1 || part.first != UInt8(ascii: "0"),
                let octet = UInt8(String(decoding: part, as: UTF8.self))
            else { return nil }
            address = address << 8 | UInt32(octet)
        }
        return address
    }

    /// Parses the eight groups, including those that `::` leaves out.
    private static func groups(_ bytes: [UInt8]) -> [UInt16]? {
        let colon = UInt8(ascii: ":")
        guard let gap = bytes.indices.dropLast().first(where: { bytes[$0] == colon && bytes[$0 + 1] == colon }) else {
            let groups = self.run(bytes[...], mayEndDotted: true)
            return groups?.count == 8 ? groups : nil
        }
        guard let before = self.run(bytes[..<gap], mayEndDotted: false), let after = self.run(bytes[(gap + 2)...], mayEndDotted: true),
            before.count + after.count < 8
        else { return nil }
        return before + [UInt16](repeating: 0, count: 8 - before.count - after.count) + after
    }

    /// Parses groups with single colons between them; no bytes are no groups.
    private static func run(_ bytes: ArraySlice<UInt8>, mayEndDotted: Bool) -> [UInt16]? {
        guard !bytes.isEmpty else { return [] }
        let parts = bytes.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        var groups: [UInt16] = []
        for (index, part) in parts.enumerated() {
            if mayEndDotted, index == parts.count - 1, let v4 = self.dotted(part) {
                groups += [UInt16(truncatingIfNeeded: v4 >> 16), UInt16(truncatingIfNeeded: v4)]
            } else {
                guard (1...4).contains(part.count), part.allSatisfy({ Self.hexDigit($0) != nil }) else { return nil }
                groups.append(part.reduce(0) { $0 << 4 | UInt16(Self.hexDigit($1) ?? 0) })
            }
        }
        return groups
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    private static func word(_ groups: ArraySlice<UInt16>) -> UInt64 {
        groups.reduce(0) { $0 << 16 | UInt64($1) }
    }

    // MARK: Writing

    private static func dotted(_ address: UInt32) -> String {
        [24, 16, 8, 0].map { String(address >> $0 & 0xFF) }.joined(separator: ".")
    }

    /// The first of the longest runs of zeros, if one is longer than a single group.
    private static func longestZeroRun(_ groups: [UInt16]) -> Range<Int>? {
        var longest = 0..<1
        var start = 0
        for index in 0...groups.count where index == groups.count || groups[index] != 0 {
            if index - start > longest.count { longest = start..<index }
            start = index + 1
        }
        return longest.count > 1 ? longest : nil
    }
}
