import PlaneProtocol

extension WireTime {
    /// The time for an SQLite column. 64 bits of nanoseconds cover the years 1677 to 2262; times outside become the nearest end.
    var unixNanoseconds: Int64 {
        let (whole, overflow) = self.seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, overflows) = whole.addingReportingOverflow(Int64(self.nanoseconds))
        guard !overflow, !overflows else { return self.seconds < 0 ? .min : .max }
        return sum
    }

    init(unixNanoseconds: Int64) {
        let (seconds, rest) = unixNanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        self.init(seconds: rest < 0 ? seconds - 1 : seconds, nanoseconds: Int32(rest < 0 ? rest + 1_000_000_000 : rest))
    }
}
