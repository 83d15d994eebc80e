/// A place between two steps of a backend's life, each of which an agent may be killed at. Passed in order by every spawn and every end.
///
/// Tests of failures make a debug build of the agent end itself at one of them; anywhere else passing one does nothing.
package enum FaultPoint: String, CaseIterable, Sendable {
    /// The request has come, nothing is stored.
    case requested
    /// The row is in the table, the sender has no answer yet.
    case admitted
    /// The container is about to be created; exists and nobody knows; is about to be started; runs and nobody knows.
    case creating, created, starting, started
    /// The port has answered, the route is not stored.
    case answered
    /// A state other than the first is about to be stored; is stored, and its report waits in the outbox.
    case recording, recorded
    /// That the backend's end has begun is about to be stored; is stored, with the route gone and its report in the outbox.
    case ending, endingStored
    /// The container is about to be stopped; has been; is about to be removed; has been, and the supervisor does not know.
    case stopping, stopped, removing, removed
}
