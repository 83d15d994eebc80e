/// The data of a record, by its type.
package enum RecordData: Hashable, Sendable {
    case a(UInt32)
    case aaaa(high: UInt64, low: UInt64)
    case ns(DNSName)
    case soa(StartOfAuthority)
    case txt([UInt8])
    case caa(CAAProperty)
    case hinfo(cpu: [UInt8], system: [UInt8])
    /// Data of another type, which the client reads as bytes and the server never sends.
    case other(RecordType, [UInt8])

    package var type: RecordType {
        switch self {
        case .a: .a
        case .aaaa: .aaaa
        case .ns: .ns
        case .soa: .soa
        case .txt: .txt
        case .caa: .caa
        case .hinfo: .hinfo
        case .other(let type, _): type
        }
    }
}

/// The head of a zone (RFC 1035 §3.3.13). Times are seconds.
package struct StartOfAuthority: Hashable, Sendable {
    package var primary: DNSName
    package var mailbox: DNSName
    package var serial: UInt32
    package var refresh: UInt32
    package var retry: UInt32
    package var expire: UInt32
    /// How long a negative answer may be remembered (RFC 2308 §4).
    package var minimum: UInt32

    package init(
        primary: DNSName, mailbox: DNSName, serial: UInt32, refresh: UInt32, retry: UInt32, expire: UInt32, minimum: UInt32
    ) {
        self.primary = primary
        self.mailbox = mailbox
        self.serial = serial
        self.refresh = refresh
        self.retry = retry
        self.expire = expire
        self.minimum = minimum
    }
}

/// A CAA record, which tells certificate authorities whether they may issue (RFC 8659 §4.1), such as `0 issue "letsencrypt.org"`.
package struct CAAProperty: Hashable, Sendable {
    /// With 128 set, an authority that does not understand the tag must not issue.
    package var flags: UInt8
    package var tag: [UInt8]
    package var value: [UInt8]

    package init?(flags: UInt8, tag: [UInt8], value: [UInt8]) {
        guard (1...15).contains(tag.count), value.count <= 1024 else { return nil }
        self.flags = flags
        self.tag = tag
        self.value = value
    }

    /// Parses the form in a zone file: flags, tag, and the value with or without quotes.
    package init?(_ text: String) {
        let parts = text.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: true)
        guard parts.count == 3, let flags = UInt8(parts[0]) else { return nil }
        let isPlain = parts[1].utf8.allSatisfy {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0.lowercasedASCII) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
        }
        var value = parts[2]
        if value.count >= 2, value.hasPrefix("\""), value.hasSuffix("\"") { value = value.dropFirst().dropLast() }
        guard isPlain, !value.utf8.contains(UInt8(ascii: "\"")) else { return nil }
        self.init(flags: flags, tag: Array(parts[1].utf8), value: Array(value.utf8))
    }
}
