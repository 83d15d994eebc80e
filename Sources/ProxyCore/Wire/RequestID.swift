import NIOCore

/// The id of a request in all logs (`X-Request-Id`): the client's own, or one that the proxy has made.
enum RequestID: Equatable {
    case ours(high: UInt64, low: UInt64)
    case clients(String)

    /// The client's id is kept if it is no longer than this, and consists of characters without a meaning in logs.
    private static let lengthLimit = 128

    /// Whether a client's id for its request may be written to logs and heads.
    static func isAcceptable(_ bytes: Span<UInt8>, _ value: Range<Int>) -> Bool {
        guard !value.isEmpty, value.count <= Self.lengthLimit else { return false }
        for index in value where !Self.isNameCharacter(bytes[index]) { return false }
        return true
    }

    /// Letters, digits and `-._~:+/=@`, which are enough for UUIDs, hexadecimal, base 64 and the ids of tracing systems.
    private static func isNameCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"): true
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: ":"), UInt8(ascii: "+"),
            UInt8(ascii: "/"), UInt8(ascii: "="), UInt8(ascii: "@"):
            true
        default: false
        }
    }

    static let fieldName: StaticString = "X-Request-Id: "
    /// The number of characters of an id that the proxy makes.
    static let ourLength = 32

    func write(into out: inout ByteBuffer) {
        switch self {
        case .clients(let name): out.writeString(name)
        case .ours(let high, let low):
            out.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.ourLength) { space in
                Self.writeHex(high, into: space, at: 0)
                Self.writeHex(low, into: space, at: 16)
                return Self.ourLength
            }
        }
    }

    @inline(__always)
    private static func writeHex(_ number: UInt64, into space: UnsafeMutableRawBufferPointer, at start: Int) {
        for digit in 0..<16 {
            let value = UInt8(truncatingIfNeeded: number &>> UInt64(60 &- 4 &* digit)) & 0xF
            space[start &+ digit] = value < 10 ? 0x30 &+ value : 0x57 &+ value
        }
    }
}

extension RequestID: CustomStringConvertible {
    var description: String {
        var out = ByteBuffer()
        self.write(into: &out)
        return String(buffer: out)
    }
}

/// Makes ids for requests. They differ from each other, also between processes, but can be guessed.
///
/// The generator is SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators), seeded by the system; asking the
/// system for every request would be a call into the kernel.
struct RequestIDSource {
    private var state: UInt64

    init() {
        var system = SystemRandomNumberGenerator()
        self.state = system.next()
    }

    mutating func next() -> RequestID { .ours(high: self.number(), low: self.number()) }

    private mutating func number() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed &>> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed &>> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed &>> 31)
    }
}
