/// A place between two steps of a backend's life at which an agent may be killed. Every spawn and every end passes them in this order.
///
/// Tests of failures make a debug build of the agent end itself at one of them; otherwise passing one does nothing.
package enum FaultPoint: String, CaseIterable, Sendable {
    /// The request has been received; nothing is stored.
    case requested
    /// The row is in the table; the sender has no answer yet.
    case admitted
    /// `creating`: before the container is created. `created`: it exists, but that is not stored. `starting`: before it is started. `started`: it runs, but
    /// that is not stored.
    case creating, created, starting, started
    /// The port has answered; the route is not stored.
    case answered
    /// `recording`: before a state other than the first is stored. `recorded`: it is stored, and its report is in the outbox.
    case recording, recorded
    /// `ending`: before it is stored that the end has begun. `endingStored`: it is stored, the route is removed, and the report is in the outbox.
    case ending, endingStored
    /// `stopping`: before the container is stopped. `stopped`: it has stopped. `removing`: before it is removed. `removed`: it is gone, but the supervisor
    /// does not know.
    case stopping, stopped, removing, removed
}
