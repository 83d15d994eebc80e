package import PlaneProtocol

/// Names as Plane 0.5 makes them up: 14 of a–z and 0–9, which are 72 bits.
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

    /// The same for the same bytes: by whoever repeats a request, for the backend it had asked for.
    /// - Parameter digest: of a cryptographic hash.
    package static func text(from digest: some Sequence<UInt8>) -> String {
        // 24 digits are 124 bits; one byte each keeps it simple, and the bias of 256 over 36 costs a bit of them.
        String(decoding: digest.prefix(24).map { self.alphabet[Int($0) % self.alphabet.count] }, as: UTF8.self)
    }
}

extension BackendID {
    /// A new one as Plane 0.5 makes them up.
    package static func short(using generator: inout some RandomNumberGenerator) -> BackendID? {
        BackendID(rawValue: RandomName.text(using: &generator))
    }
}
