import ArgumentParser

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
