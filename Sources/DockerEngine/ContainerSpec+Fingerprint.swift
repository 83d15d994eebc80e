import FoundationEssentials

extension ContainerSpec {
    /// A short text that is the same for two containers which are made in the same way, whatever their labels: 16 hexadecimal digits. It is compared
    /// with what an earlier version has written on a container, so a coincidence has to be unlikely and no more.
    package var fingerprint: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        var body = CreateContainerBody(self)
        body.labels = [:]
        // Nothing in it cannot be encoded; what could not would be as if it were made anew each time.
        let bytes = (try? encoder.encode(body)).map { Array($0) } ?? []
        let digits = String(FNV1a.hash(bytes), radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

/// The hash of Fowler, Noll and Vo with 64 bits: the same in every process, unlike Swift's own.
private enum FNV1a {
    static func hash(_ bytes: [UInt8]) -> UInt64 {
        bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
}
