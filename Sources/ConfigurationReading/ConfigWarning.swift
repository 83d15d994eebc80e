/// Something in the configuration that has no effect, though somebody may think it has.
package enum ConfigWarning: Hashable, Sendable, CustomStringConvertible {
    /// No key of ours. The nearest one is named if it is near enough to be what was meant.
    case unknownKey(String, nearest: String?)
    /// A variable that sets no key of ours, as the one that sets the nearest key is spelled.
    case unknownVariable(String, nearest: String?)
    /// Valid, and hardly what was meant, for the reason given.
    case doubtfulKey(String, reason: String)
    /// Read by nobody, for the reason given.
    case unusedKey(String, reason: String)

    /// What is written there and not known; nil for what is known.
    package var unknownName: String? {
        switch self {
        case .unknownKey(let name, _), .unknownVariable(let name, _): name
        case .doubtfulKey, .unusedKey: nil
        }
    }

    package var description: String {
        switch self {
        case .unknownKey(let key, let nearest?): "\(key) is not known and has no effect; did you mean \(nearest)?"
        case .unknownKey(let key, nil): "\(key) is not known and has no effect"
        case .unknownVariable(let name, let nearest?): "\(name) names no key and has no effect; did you mean \(nearest)?"
        case .unknownVariable(let name, nil): "\(name) names no key and has no effect"
        case .doubtfulKey(let key, let reason): "\(key) is hardly what was meant: \(reason)"
        case .unusedKey(let key, let reason): "\(key) has no effect: \(reason)"
        }
    }
}
