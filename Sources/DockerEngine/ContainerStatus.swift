/// Where a container is in its life, in Docker's words.
package enum ContainerStatus: Hashable, Sendable {
    case created, running, paused, restarting, removing, exited, dead
    /// A word of a later API.
    case other(String)

    init(_ text: String) {
        switch text {
        case "created": self = .created
        case "running": self = .running
        case "paused": self = .paused
        case "restarting": self = .restarting
        case "removing": self = .removing
        case "exited": self = .exited
        case "dead": self = .dead
        default: self = .other(text)
        }
    }
}
