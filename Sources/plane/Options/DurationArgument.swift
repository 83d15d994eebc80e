import ArgumentParser

/// A time in whole seconds: `300`, `90s`, `5m`, `2h`, `1d`, `1h30m`. A number alone is seconds, in every command that takes one.
struct DurationArgument: ExpressibleByArgument, Equatable {
    var seconds: UInt64
    /// Whether the text was a number without a unit.
    var isBare = false

    private static let units: [Character: UInt64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
    /// A century; a longer time is a mistake, and could overflow.
    private static let limit: UInt64 = 3_155_760_000

    init(seconds: UInt64) { self.seconds = seconds }

    init?(argument: String) {
        var total: UInt64 = 0
        var rest = argument.lowercased()[...]
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            guard let number = UInt64(digits), number <= Self.limit else { return nil }
            rest = rest.dropFirst(digits.count)
            if rest.isEmpty, total == 0, digits.count == argument.count {
                self.isBare = true
                total = number
                break
            }
            guard let unit = rest.popFirst().flatMap({ Self.units[$0] }) else { return nil }
            total += number * unit
            guard total <= Self.limit else { return nil }
        }
        self.seconds = total
    }

    var duration: Duration { .seconds(Int64(self.seconds)) }

    /// The time as it would be written on the command line.
    var defaultValueDescription: String {
        for (unit, size) in [("d", 86_400), ("h", 3600), ("m", 60)] as [(String, UInt64)] where self.seconds > 0 && self.seconds % size == 0 {
            return "\(self.seconds / size)\(unit)"
        }
        return "\(self.seconds)s"
    }
}
