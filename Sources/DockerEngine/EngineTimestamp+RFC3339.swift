extension EngineTimestamp {
    /// Reads `2024-03-11T09:15:31.100000001Z` or with an offset. nil for anything else, and for moments before 1970:
    /// Go's zero time, year 1, is how Docker says "not yet".
    package init?(rfc3339 text: some StringProtocol) {
        self.init(rfc3339: Array(text.utf8)[...])
    }

    init?(rfc3339 bytes: ArraySlice<UInt8>) {
        var scanner = DigitScanner(bytes: bytes)
        guard let year = scanner.number(digits: 4), scanner.skip("-"), let month = scanner.number(digits: 2), scanner.skip("-"),
            let day = scanner.number(digits: 2), scanner.skip("T"), let hour = scanner.number(digits: 2), scanner.skip(":"),
            let minute = scanner.number(digits: 2), scanner.skip(":"), let second = scanner.number(digits: 2),
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second <= 60
        else { return nil }
        var nanoseconds: Int64 = 0
        if scanner.skip(".") {
            guard let fraction = scanner.fraction() else { return nil }
            nanoseconds = fraction
        }
        guard let offset = scanner.offsetSeconds(), scanner.bytes.isEmpty else { return nil }
        let seconds = Self.daysSince1970(year: year, month: month, day: day) * 86_400 + hour * 3600 + minute * 60 + second - offset
        guard seconds >= 0 else { return nil }
        self.init(seconds: seconds, nanoseconds: nanoseconds)
    }

    /// Days of the proleptic Gregorian calendar; March is the first month, so that the leap day is the last of its year.
    /// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
    private static func daysSince1970(year: Int64, month: Int64, day: Int64) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let era = (year >= 0 ? year : year - 399) / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }
}

/// Reads digits and punctuation off the front of a text.
private struct DigitScanner {
    var bytes: ArraySlice<UInt8>

    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard self.bytes.first == UInt8(ascii: character) else { return false }
        self.bytes.removeFirst()
        return true
    }

    mutating func number(digits count: Int) -> Int64? {
        guard self.bytes.count >= count else { return nil }
        var value: Int64 = 0
        for byte in self.bytes.prefix(count) {
            guard byte.isASCIIDigit else { return nil }
            value = value * 10 + Int64(byte - UInt8(ascii: "0"))
        }
        self.bytes.removeFirst(count)
        return value
    }

    /// One to nine digits after the dot, in nanoseconds; Go leaves trailing zeros out.
    mutating func fraction() -> Int64? {
        let digits = self.bytes.prefix { $0.isASCIIDigit }.count
        guard (1...9).contains(digits), var value = self.number(digits: digits) else { return nil }
        for _ in digits..<9 { value *= 10 }
        return value
    }

    /// `Z`, or `+02:00` and the like.
    mutating func offsetSeconds() -> Int64? {
        if self.skip("Z") { return 0 }
        let sign: Int64
        if self.skip("+") { sign = 1 } else if self.skip("-") { sign = -1 } else { return nil }
        guard let hours = self.number(digits: 2), self.skip(":"), let minutes = self.number(digits: 2), hours < 24, minutes < 60
        else { return nil }
        return sign * (hours * 3600 + minutes * 60)
    }
}
