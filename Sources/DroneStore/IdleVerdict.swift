/// What a look at a backend's last activity, in the transaction that would end it, came to.
package enum IdleVerdict: Equatable, Sendable {
    /// It had been idle for too long, and its end has begun; the proxy sends nothing there any more.
    case idle
    /// It has been active since; look again at this Unix time (seconds).
    case activeUntil(Int64)
    /// Its route is not in the table, so nobody can be active; it has to be written again.
    case routeMissing
    /// It is not `Ready`, or its end has begun already.
    case notReady
}
