import NIOCore
import ProxyCore

/// One backend on an event loop of the tier. All routes to the backend share it.
final class TierBackend {
    let name: String
    /// What every response says of the backend, and of the proxy, as lines.
    let responseFields: [UInt8]
    var place: BackendLocation
    /// Since when it is known here that it starts; nil where it does not.
    var startingSince: NIODeadline?
    /// The endpoint of its drone's proxy, while the backend is ready.
    var endpoint: UpstreamPool?
    /// Whether browsers are being held for it until their time limit.
    var isHeldForPage = false
    /// Whether it is no longer updated.
    var isDetached = false
    /// Nobody has heard of it yet, and that is likely to change.
    var isAwaited = false

    init(name: String, serverField: [UInt8], place: BackendLocation, endpoint: UpstreamPool?) {
        self.name = name
        self.responseFields = Array("X-Plane-Backend-Id: \(name)\r\n".utf8) + serverField
        self.place = place
        self.endpoint = endpoint
        if case .starting = place { self.startingSince = .now() }
    }
}

/// A token, or a backend's own name, on an event loop of the tier.
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
    /// Fields for the drone's proxy and the backend, as lines, which are the same for every request.
    let fields: [UInt8]
    /// Of ``TierDirectory``, when it was last found not to be revoked.
    var revocationNumber: UInt64 = 0
    /// ``TierDirectory`` is asked again after this, or the token verified.
    var validUntil = NIODeadline.distantFuture
    /// The earliest time at which a use is reported to ``TierDirectory`` again.
    var nextUse = NIODeadline.uptimeNanoseconds(0)

    init(_ backend: TierBackend, of number: Int, token: Token?, fields: [UInt8]) {
        self.backend = backend
        self.number = number
        self.token = token
        self.fields = fields
    }

    var name: String { self.backend.name }
    /// Nil, because the drone counts the activity.
    var activity: ActivityCounter? { nil }
}

/// Values by the bytes of a name, without making a string of these. Only valid names are stored, so visitors cannot make the lists long.
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

    /// The hash FNV-1a with 64 bits.
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
