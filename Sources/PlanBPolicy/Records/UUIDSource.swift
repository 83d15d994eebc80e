/// Makes random UUIDs (version 4, RFC 9562 §5.4) for requests. They differ from each other, also between processes, but can be guessed.
///
/// The generator is SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators), seeded by the system.
struct UUIDSource {
    private var state: UInt64

    init() {
        var system = SystemRandomNumberGenerator()
        self.state = system.next()
    }

    private mutating func number() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed &>> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed &>> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed &>> 31)
    }

    /// The next UUID, in lower case.
    mutating func next() -> [UInt8] {
        let high = (self.number() & 0xFFFF_FFFF_FFFF_0FFF) | 0x4000
        let low = (self.number() & 0x3FFF_FFFF_FFFF_FFFF) | 0x8000_0000_0000_0000
        var text: [UInt8] = []
        text.reserveCapacity(36)
        for (index, shift) in stride(from: UInt64(60), through: 0, by: -4).enumerated() {
            if index == 8 || index == 12 { text.append(UInt8(ascii: "-")) }
            text.append(Self.digit(high &>> shift))
        }
        for (index, shift) in stride(from: UInt64(60), through: 0, by: -4).enumerated() {
            if index == 0 || index == 4 { text.append(UInt8(ascii: "-")) }
            text.append(Self.digit(low &>> shift))
        }
        return text
    }

    private static func digit(_ number: UInt64) -> UInt8 {
        let value = UInt8(truncatingIfNeeded: number) & 0xF
        return value < 10 ? 0x30 + value : 0x57 + value
    }
}
