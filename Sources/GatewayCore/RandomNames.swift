package import PlaneProtocol

/// Random names as in Plane 0.5: 14 characters of a–z and 0–9, which are 72 bits.
package enum RandomName {
    package static let length = 14
    private static let alphabet = Array("abcdefghijklmnopqrstuvwxyz0123456789".utf8)

    package static func text(using generator: inout some RandomNumberGenerator) -> String {
        // Of the system's generator each number is a call into the kernel: two of them have 128 bits, and half of the digits each.
        var digits: [UInt8] = []
        digits.reserveCapacity(self.length)
        for _ in 0..<2 {
            var number: UInt64 = generator.next()
            for _ in 0..<self.length / 2 {
                let (rest, digit) = number.quotientAndRemainder(dividingBy: UInt64(self.alphabet.count))
                digits.append(self.alphabet[Int(digit)])
                number = rest
            }
        }
        return String(decoding: digits, as: UTF8.self)
    }

    /// A name derived from these bytes, so that a repeated request names the same backend.
    /// - Parameter digest: the result of a cryptographic hash.
    package static func text(from digest: some Sequence<UInt8>) -> String {
        // 24 characters are 124 bits. One byte is used for each, which is simple; the bias of 256 over 36 costs about one bit.
        String(decoding: digest.prefix(24).map { self.alphabet[Int($0) % self.alphabet.count] }, as: UTF8.self)
    }
}

extension BackendID {
    /// A new random id as in Plane 0.5.
    package static func short(using generator: inout some RandomNumberGenerator) -> BackendID? {
        BackendID(rawValue: RandomName.text(using: &generator))
    }
}
