import PlaneProtocol

/// What a drone's word is taken for about the key of a backend that the state does not know.
extension RollCall.Entry {
    /// How far ahead of this machine's clock a fencing token may be. They are milliseconds of a scheduler's clock, and one more where that is behind.
    private static let clockTolerance: Duration = .seconds(24 * 3600)

    /// A key counts only with its own lock.
    var believableKey: BackendKey? {
        self.key.flatMap { $0.lock == self.lockAssignment?.lock ? $0 : nil }
    }

    /// A token from the far future would leave no higher one for later holders.
    func believableFencingToken(now: StateTime) -> Int64? {
        self.believableKey == nil ? nil : self.fencingToken.flatMap { $0 <= now.adding(Self.clockTolerance).rawValue ? $0 : nil }
    }
}
