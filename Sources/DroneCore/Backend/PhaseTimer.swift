import PlaneProtocol

/// Notes when a backend passed each phase.
struct PhaseTimer {
    /// Microseconds since 1970 when the request was received; nil for a backend whose beginning nobody noted.
    private let origin: Int64?
    private(set) var phases = SpawnPhases()

    init(acceptedAt origin: Int64?) {
        self.origin = origin
    }

    mutating func pass(_ phase: WritableKeyPath<SpawnPhases, Int64?>, at now: WireTime) {
        guard let origin else { return }
        self.phases[keyPath: phase] = now.unixMicroseconds - origin
    }

    /// What a report carries: nothing when nothing is known.
    var reported: SpawnPhases? { self.phases == SpawnPhases() ? nil : self.phases }
}

extension WireTime {
    /// Microseconds since 1970-01-01T00:00:00Z. Years have four digits, so this cannot overflow.
    var unixMicroseconds: Int64 { self.seconds * 1_000_000 + Int64(self.nanoseconds / 1000) }
}
