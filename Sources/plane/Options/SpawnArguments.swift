import ArgumentParser
import PlaneProtocol

/// `NAME=VALUE`, or `NAME` for its value in this process's environment, as in `docker run -e`. A secret should not be part of a command line, which every
/// user of the machine can read.
struct EnvironmentArgument: ExpressibleByArgument, Equatable {
    var name: String
    /// Nil takes the value from this process's environment.
    var value: Secret?

    init?(argument: String) {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard !parts[0].isEmpty else { return nil }
        self.name = String(parts[0])
        self.value = parts.count == 2 ? Secret(String(parts[1])) : nil
    }
}

/// `NAME=VALUE`; a name alone has the empty text for value, as with `docker run --label`.
struct LabelArgument: ExpressibleByArgument, Equatable {
    var name: String
    var value: String

    init?(argument: String) {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard !parts[0].isEmpty else { return nil }
        self.name = String(parts[0])
        self.value = parts.count == 2 ? String(parts[1]) : ""
    }
}

/// `HOST:CONTAINER[:OPTIONS]`, both absolute paths.
struct MountArgument: ExpressibleByArgument, Equatable {
    var bind: String

    init?(argument: String) {
        let parts = argument.split(separator: ":", omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count), parts[0].hasPrefix("/"), parts[1].hasPrefix("/"), parts.last != "" else {
            return nil
        }
        self.bind = argument
    }
}

/// A share of CPUs: `0.5`, `2`. On the wire it is a percentage of one CPU of at most 255.
struct CPUShare: ExpressibleByArgument, Equatable {
    var percent: UInt8

    init?(argument: String) {
        guard let value = Double(argument), value > 0, value <= 2.55, let percent = UInt8(exactly: (value * 100).rounded()),
            percent > 0
        else { return nil }
        self.percent = percent
    }
}

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
