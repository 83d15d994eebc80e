import PlaneProtocol

/// Records when a backend passed each phase.
struct PhaseTimer {
    /// When the request was received, in microseconds since 1970; nil if that was not recorded.
    private let origin: Int64?
    private(set) var phases = SpawnPhases()

    init(acceptedAt origin: Int64?) {
        self.origin = origin
    }

    mutating func pass(_ phase: WritableKeyPath<SpawnPhases, Int64?>, at now: WireTime) {
        guard let origin else { return }
        self.phases[keyPath: phase] = now.unixMicroseconds - origin
    }

    /// The phases for a report; nil when none is known.
    var reported: SpawnPhases? { self.phases == SpawnPhases() ? nil : self.phases }
}

extension WireTime {
    /// Microseconds since 1970-01-01T00:00:00Z. Years have four digits, so this cannot overflow.
    var unixMicroseconds: Int64 { self.seconds * 1_000_000 + Int64(self.nanoseconds / 1000) }
}
