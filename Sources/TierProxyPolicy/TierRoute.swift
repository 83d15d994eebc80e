import NIOCore
import ProxyCore

/// One backend as an event loop of the tier sees it. All routes to it share it.
final class TierBackend {
    let name: String
    var place: BackendLocation
    /// Of its drone's proxy, while it is ready.
    var endpoint: UpstreamPool?
    /// It is not kept true any more.
    var isDetached = false
    /// Nobody has heard of it yet, and that is likely to change.
    var isAwaited = false

    init(name: String, place: BackendLocation, endpoint: UpstreamPool?) {
        self.name = name
        self.place = place
        self.endpoint = endpoint
    }
}

/// A token, or a backend's own name, as an event loop of the tier sees it.
final class TierRoute: ProxyRoute {
    struct Token {
        let digest: TokenDigest
        let grant: TokenGrant
        let ownership: TokenOwnership
    }

    let backend: TierBackend
    /// Of the ``TierPolicy`` that it belongs to.
    let number: Int
    /// Nil where the backend was asked for by its name.
    let token: Token?
    /// Lines for the drone's proxy and the backend that are the same for every request.
    let fields: [UInt8]
    /// Of ``TierDirectory``, when it was last found not to be revoked.
    var revocationNumber: UInt64 = 0
    /// ``TierDirectory`` is asked again after this, or the token verified.
    var validUntil = NIODeadline.distantFuture
    /// ``TierDirectory`` is told of the use not before this.
    var nextUse = NIODeadline.uptimeNanoseconds(0)

    init(_ backend: TierBackend, of number: Int, token: Token?, fields: [UInt8]) {
        self.backend = backend
        self.number = number
        self.token = token
        self.fields = fields
    }

    var name: String { self.backend.name }
    /// The drone counts.
    var activity: ActivityCounter? { nil }
}

/// Values found by the bytes of a name, without making a string of them. Only what is good gets in here, so nobody outside can make the lists long.
struct ByteKeyTable<Value> {
    private var slots: [UInt64: [(name: [UInt8], value: Value, size: Int)]] = [:]
    private(set) var count = 0
    /// Of all together, as it was said when they were put in.
    private(set) var size = 0

    func find(_ bytes: Span<UInt8>, _ name: Range<Int>) -> Value? {
        guard let slot = self.slots[Self.hash(bytes, name)] else { return nil }
        for entry in slot where Self.isEqual(entry.name, bytes, name) { return entry.value }
        return nil
    }

    /// - Parameter size: What it holds, in bytes.
    mutating func insert(_ value: Value, for name: [UInt8], size: Int) {
        self.remove(name)
        self.slots[Self.hash(name.span, 0..<name.count), default: []].append((name, value, size))
        self.count += 1
        self.size += size
    }

    mutating func remove(_ name: [UInt8]) {
        let hash = Self.hash(name.span, 0..<name.count)
        guard var slot = self.slots[hash], let index = slot.firstIndex(where: { $0.name == name }) else { return }
        self.size -= slot.remove(at: index).size
        self.slots[hash] = slot.isEmpty ? nil : slot
        self.count -= 1
    }

    mutating func removeAll() {
        self.slots = [:]
        self.count = 0
        self.size = 0
    }

    /// FNV-1a, 64 bits.
    private static func hash(_ bytes: Span<UInt8>, _ name: Range<Int>) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for index in name { hash = (hash ^ UInt64(bytes[index])) &* 0x0000_0100_0000_01B3 }
        return hash
    }

    private static func isEqual(_ known: [UInt8], _ bytes: Span<UInt8>, _ name: Range<Int>) -> Bool {
        guard known.count == name.count else { return false }
        var difference: UInt8 = 0
        for offset in 0..<known.count { difference |= known[offset] ^ bytes[name.lowerBound + offset] }
        return difference == 0
    }
}
