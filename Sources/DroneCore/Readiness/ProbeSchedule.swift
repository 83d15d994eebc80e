/// How often a starting backend's port is tried.
///
/// A person is waiting, so quickly at first: an attempt on the drone's own bridge costs some 100 µs. What takes long to start is not
/// noticed late by more than a few percent of its own time.
package enum ProbeSchedule {
    /// - Parameter elapsed: Since the first attempt.
    package static func pause(after elapsed: Duration) -> Duration {
        switch elapsed {
        case ..<(.milliseconds(250)): .milliseconds(2)
        case ..<(.seconds(1)): .milliseconds(5)
        case ..<(.seconds(5)): .milliseconds(20)
        default: .milliseconds(100)
        }
    }

    /// A port on the drone's own bridge answers in microseconds or not at all.
    package static let connectLimit = Duration.milliseconds(500)

    /// For the first response after the connection stands. A server that accepts and stays silent for longer is asked again.
    package static let responseLimit = Duration.seconds(5)
}
