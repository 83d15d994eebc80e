/// SipHash with one compression and three finalization rounds, both keys zero (Aumasson and Bernstein, 2012).
///
/// Swift's own `Hasher` is the same function with a random key for each process; subjects need one that never changes.
struct SipHash13 {
    private var v0: UInt64 = 0x736f_6d65_7073_6575
    private var v1: UInt64 = 0x646f_7261_6e64_6f6d
    private var v2: UInt64 = 0x6c79_6765_6e65_7261
    private var v3: UInt64 = 0x7465_6462_7974_6573
    /// The bytes that do not fill a word yet, the first one in the lowest bits.
    private var tail: UInt64 = 0
    private var count: UInt64 = 0

    mutating func update(_ bytes: UnsafeBufferPointer<UInt8>) {
        for byte in bytes { self.update(byte) }
    }

    mutating func update(_ byte: UInt8) {
        self.tail |= UInt64(byte) << (8 * (self.count & 7))
        self.count += 1
        guard self.count & 7 == 0 else { return }
        self.compress(self.tail)
        self.tail = 0
    }

    mutating func finalize() -> UInt64 {
        self.compress(self.tail | self.count << 56)
        self.v2 ^= 0xFF
        for _ in 0..<3 { self.round() }
        return self.v0 ^ self.v1 ^ self.v2 ^ self.v3
    }

    private mutating func compress(_ word: UInt64) {
        self.v3 ^= word
        self.round()
        self.v0 ^= word
    }

    private mutating func round() {
        self.v0 &+= self.v1
        self.v1 = self.v1.rotated(by: 13) ^ self.v0
        self.v0 = self.v0.rotated(by: 32)
        self.v2 &+= self.v3
        self.v3 = self.v3.rotated(by: 16) ^ self.v2
        self.v0 &+= self.v3
        self.v3 = self.v3.rotated(by: 21) ^ self.v0
        self.v2 &+= self.v1
        self.v1 = self.v1.rotated(by: 17) ^ self.v2
        self.v2 = self.v2.rotated(by: 32)
    }
}

extension UInt64 {
    fileprivate func rotated(by bits: UInt64) -> UInt64 {
        self << bits | self >> (64 - bits)
    }
}
