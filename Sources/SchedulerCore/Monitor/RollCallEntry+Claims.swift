import PlaneProtocol

/// Which of a drone's statements about the key of an unknown backend are believed.
extension RollCall.Entry {
    /// How far a fencing token may be ahead of this machine's clock. Tokens are milliseconds of a scheduler's clock, or one more than the last if that clock
    /// is behind.
    private static let clockTolerance: Duration = .seconds(24 * 3600)

    /// The key, if it belongs to the lock that the drone names.
    var believableKey: BackendKey? {
        self.key.flatMap { $0.lock == self.lockAssignment?.lock ? $0 : nil }
    }

    /// The fencing token, unless it is from the far future, which would leave no higher one for later holders.
    func believableFencingToken(now: StateTime) -> Int64? {
        self.believableKey == nil ? nil : self.fencingToken.flatMap { $0 <= now.adding(Self.clockTolerance).rawValue ? $0 : nil }
    }
}
