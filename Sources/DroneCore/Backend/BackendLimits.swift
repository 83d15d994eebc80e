import PlaneProtocol

/// How long each part of a backend's life may take.
package struct BackendLimits: Sendable {
    /// From the container's start to its first HTTP response (`agent.ready_timeout_secs`). The reference's probes last about as long.
    package var ready = Duration.seconds(30)
    /// Between asking a container to end and killing it; the reference's and Docker's own default.
    package var stopGrace = Duration.seconds(10)

    func grace(_ kind: BackendEnding.Kind) -> Duration {
        switch kind {
        case .soft: self.stopGrace
        case .hard: .zero
        }
    }
    /// For one image. Large ones over slow lines take minutes; one that takes longer than this is not coming.
    package var pull = Duration.seconds(15 * 60)
    /// For the rest of an ended container's output. It is there already and only has to be read.
    package var logDrain = Duration.seconds(5)
    /// For what an ending container printed last. The report of the end waits for it, and so does who asked for the end.
    package var lastLines = Duration.seconds(1)
    /// Lines of one backend that are passed on; nil for all.
    package var logLinesPerSecond: Int?

    package init() {}
}
