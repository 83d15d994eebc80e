extension UTCInstant: LosslessStringConvertible {
    /// Parses a time as in RFC 3339 §5.6, with any offset. Digits of the fraction after the ninth are dropped, and a leap second becomes the second after it.
    package init?(_ text: String) {
        self.init(rfc3339: Array(text.utf8)[...])
    }

    /// Parses a time as in RFC 3339 §5.6 from ASCII bytes, as the initializer for text does.
    package init?(rfc3339 bytes: ArraySlice<UInt8>) {
        var reader = Reader(bytes)
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

    /// The time with 0, 3, 6 or 9 digits of fraction, as few as are exact, and always with `Z`.
    package var description: String {
        let time = CalendarTime(self)
        let date = "\(CalendarTime.digits(time.date.year, 4))-\(CalendarTime.digits(time.date.month, 2))-\(CalendarTime.digits(time.date.day, 2))"
        return "\(date)T\(time.clock)\(self.fraction)Z"
    }

    private var fraction: String {
        let nanoseconds = Int64(self.nanoseconds)
        if nanoseconds == 0 { return "" }
        if nanoseconds % 1_000_000 == 0 { return "." + CalendarTime.digits(nanoseconds / 1_000_000, 3) }
        if nanoseconds % 1000 == 0 { return "." + CalendarTime.digits(nanoseconds / 1000, 6) }
        return "." + CalendarTime.digits(nanoseconds, 9)
    }

    /// Reads the bytes of a time from left to right; every method says whether it found what it looked for.
    private struct Reader {
        private let bytes: ArraySlice<UInt8>
        private var position: Int

        init(_ bytes: ArraySlice<UInt8>) {
            self.bytes = bytes
            self.position = bytes.startIndex
        }

        var isAtEnd: Bool { self.position == self.bytes.endIndex }

        mutating func skip(_ character: Unicode.Scalar) -> Bool {
            guard self.position < self.bytes.endIndex, UInt32(self.bytes[self.position]) == character.value else { return false }
            self.position += 1
            return true
        }

        mutating func digit() -> Int64? {
            guard self.position < self.bytes.endIndex, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self.bytes[self.position]) else { return nil }
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

        /// The fraction in nanoseconds; 0 if there is none, nil for a point without digits.
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

        /// The offset in seconds east of Greenwich.
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
