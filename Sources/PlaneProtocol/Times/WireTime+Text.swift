extension WireTime: LosslessStringConvertible, JSONCodable {
    package static var expectation: String { "a time such as 2024-03-11T09:15:30.123Z" }

    /// Reads RFC 3339 §5.6 with any offset; digits of the fraction after the ninth are dropped. A leap second counts as the second after it.
    package init?(_ text: String) {
        var reader = Reader(bytes: Array(text.utf8))
        guard
            let year = reader.number(digits: 4), reader.skip("-"), let month = reader.number(digits: 2), reader.skip("-"),
            let day = reader.number(digits: 2), reader.skip("T") || reader.skip("t") || reader.skip(" "),
            let hour = reader.number(digits: 2), reader.skip(":"), let minute = reader.number(digits: 2), reader.skip(":"),
            let second = reader.number(digits: 2), let nanoseconds = reader.fraction(), let offset = reader.offset(), reader.isAtEnd,
            hour < 24, minute < 60, second <= 60,
            let days = CivilDate(year: year, month: month, day: day)?.daysSince1970
        else { return nil }
        self.init(seconds: days * 86_400 + hour * 3600 + minute * 60 + second - offset, nanoseconds: nanoseconds)
    }

    package init(json: JSONNode) throws(MessageError) {
        let text = try json.string()
        guard let time = Self(text) else { throw MessageError(expected: Self.expectation, found: MessageError.excerpt(text)) }
        self = time
    }

    package func write(to json: inout JSONWriter) { json.string(self.description) }

    /// With 0, 3, 6 or 9 digits of fraction, as few as tell the moment exactly, and always `Z`.
    package var description: String {
        let days = (self.seconds - (self.seconds < 0 ? 86_399 : 0)) / 86_400
        let second = self.seconds - days * 86_400
        let date = CivilDate(daysSince1970: days)
        let clock = "\(Self.padded(second / 3600, 2)):\(Self.padded(second / 60 % 60, 2)):\(Self.padded(second % 60, 2))"
        return "\(Self.padded(date.year, 4))-\(Self.padded(date.month, 2))-\(Self.padded(date.day, 2))T\(clock)\(self.fraction)Z"
    }

    private var fraction: String {
        let nanoseconds = Int64(self.nanoseconds)
        if nanoseconds == 0 { return "" }
        if nanoseconds % 1_000_000 == 0 { return "." + Self.padded(nanoseconds / 1_000_000, 3) }
        if nanoseconds % 1000 == 0 { return "." + Self.padded(nanoseconds / 1000, 6) }
        return "." + Self.padded(nanoseconds, 9)
    }

    private static func padded(_ number: Int64, _ digits: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
    }

    /// Steps through the bytes of a time; every step says whether it found what it was asked for.
    private struct Reader {
        let bytes: [UInt8]
        var position = 0

        var isAtEnd: Bool { self.position == self.bytes.count }

        mutating func skip(_ character: Unicode.Scalar) -> Bool {
            guard self.position < self.bytes.count, UInt32(self.bytes[self.position]) == character.value else { return false }
            self.position += 1
            return true
        }

        mutating func digit() -> Int64? {
            guard self.position < self.bytes.count, self.bytes[self.position].isASCIIDigit else { return nil }
            defer { self.position += 1 }
            return Int64(self.bytes[self.position] - UInt8(ascii: "0"))
        }

        mutating func number(digits: Int) -> Int64? {
            var number: Int64 = 0
            for _ in 0..<digits {
                guard let digit = self.digit() else { return nil }
                number = number * 10 + digit
            }
            return number
        }

        /// Nanoseconds; none if there is no fraction.
        mutating func fraction() -> Int32? {
            guard self.skip(".") else { return 0 }
            guard var nanoseconds = self.digit() else { return nil }
            var digits = 1
            while let digit = self.digit() {
                if digits < 9 { nanoseconds = nanoseconds * 10 + digit }
                digits += 1
            }
            while digits < 9 {
                nanoseconds *= 10
                digits += 1
            }
            return Int32(nanoseconds)
        }

        /// Seconds east of Greenwich.
        mutating func offset() -> Int64? {
            if self.skip("Z") || self.skip("z") { return 0 }
            let isWest = self.skip("-")
            guard isWest || self.skip("+"), let hours = self.number(digits: 2), self.skip(":"), let minutes = self.number(digits: 2),
                hours < 24, minutes < 60
            else { return nil }
            return (hours * 3600 + minutes * 60) * (isWest ? -1 : 1)
        }
    }
}
