/// What asking a backend's port came to.
package enum ProbeResult: Hashable, Sendable {
    /// Why there was no answer within the limit.
    package enum Silence: Hashable, Sendable {
        /// No connection ever stood.
        case closed
        /// A connection stood, and nothing that is HTTP came from it.
        case mute
    }

    case answered
    case unanswered(Silence)
}
