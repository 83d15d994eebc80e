/// Something in the configuration that has no effect, though somebody may think it has.
package enum ConfigWarning: Hashable, Sendable, CustomStringConvertible {
    /// No key of ours. The nearest one is named if it is near enough to be what was meant.
    case unknownKey(String, nearest: String?)
    /// Read by nobody, for the reason given.
    case unusedKey(String, reason: String)

    package var description: String {
        switch self {
        case .unknownKey(let key, let nearest?): "\(key) is not known and has no effect; did you mean \(nearest)?"
        case .unknownKey(let key, nil): "\(key) is not known and has no effect"
        case .unusedKey(let key, let reason): "\(key) has no effect: \(reason)"
        }
    }
}
