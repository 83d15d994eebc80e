import ArgumentParser

/// An amount of memory: `268435456`, `256m`, `1.5g`; powers of 1024.
struct ByteCount: ExpressibleByArgument, Equatable {
    var bytes: Int64

    init?(argument: String) {
        let units: [Character: Double] = ["k": 1024, "m": 1_048_576, "g": 1_073_741_824, "t": 1_099_511_627_776]
        var number = argument.lowercased()[...]
        if number.hasSuffix("b") { number = number.dropLast() }
        if number.hasSuffix("i") { number = number.dropLast() }
        var factor = 1.0
        if let unit = number.last.flatMap({ units[$0] }) {
            factor = unit
            number = number.dropLast()
        }
        guard let value = Double(number), value.isFinite, value > 0, value * factor < 9e18, value * factor >= 1 else {
            return nil
        }
        self.bytes = Int64(value * factor)
    }
}
