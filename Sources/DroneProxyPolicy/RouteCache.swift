import ProxyCore

/// The routes that one event loop knows. They are found by the bytes of a name, without making a string of these.
struct RouteCache {
    /// Nearly always one route for each hash. Only existing backends are stored, so visitors cannot make the lists long.
    private var slots: [UInt64: [DroneRoute]] = [:]

    /// - Parameter foldsCase: whether the bytes are a host name, in which upper and lower case are equal.
    func find(_ bytes: Span<UInt8>, _ name: Range<Int>, foldsCase: Bool) -> DroneRoute? {
        guard let slot = self.slots[Self.hash(bytes, name, foldsCase: foldsCase)] else { return nil }
        return slot.first { route in Self.matches(bytes, name, route.name, foldsCase: foldsCase) }
    }

    func find(_ name: String) -> DroneRoute? {
        let bytes = Array(name.utf8)
        return self.find(bytes.span, 0..<bytes.count, foldsCase: false)
    }

    mutating func insert(_ route: DroneRoute) {
        let hash = Self.hash(route.name)
        var slot = self.slots[hash] ?? []
        slot.removeAll { $0.name == route.name }
        slot.append(route)
        self.slots[hash] = slot
    }

    mutating func remove(_ name: String) {
        let hash = Self.hash(name)
        guard var slot = self.slots[hash] else { return }
        slot.removeAll { $0.name == name }
        self.slots[hash] = slot.isEmpty ? nil : slot
    }

    private static func hash(_ name: String) -> UInt64 {
        let bytes = Array(name.utf8)
        return Self.hash(bytes.span, 0..<bytes.count, foldsCase: false)
    }

    /// The hash FNV-1a with 64 bits.
    @inline(__always)
    private static func hash(_ bytes: Span<UInt8>, _ name: Range<Int>, foldsCase: Bool) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for index in name {
            let byte = bytes[index]
            hash = (hash ^ UInt64(foldsCase ? byte.lowercased : byte)) &* 0x0000_0100_0000_01B3
        }
        return hash
    }

    @inline(__always)
    private static func matches(_ bytes: Span<UInt8>, _ range: Range<Int>, _ name: String, foldsCase: Bool) -> Bool {
        var position = range.lowerBound
        for expected in name.utf8 {
            guard position < range.upperBound else { return false }
            let byte = bytes[position]
            guard (foldsCase ? byte.lowercased : byte) == expected else { return false }
            position += 1
        }
        return position == range.upperBound
    }
}
