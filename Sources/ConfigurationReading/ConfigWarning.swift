/// Something in the configuration that has no effect, although somebody may think that it has.
package enum ConfigWarning: Hashable, Sendable, CustomStringConvertible {
    /// An unknown key. A similar one is named if there is one.
    case unknownKey(String, nearest: String?)
    /// An environment variable that sets no known key, with the variable of a similar key if there is one.
    case unknownVariable(String, nearest: String?)
    /// A valid value that is probably not what was meant, for the given reason.
    case questionableKey(String, reason: String)
    /// A key that nothing uses, for the given reason.
    case unusedKey(String, reason: String)

    /// The unknown name; nil for other warnings.
    package var unknownName: String? {
        switch self {
        case .unknownKey(let name, _), .unknownVariable(let name, _): name
        case .questionableKey, .unusedKey: nil
        }
    }

    package var description: String {
        switch self {
        case .unknownKey(let key, let nearest?): "\(key) is not known and has no effect; did you mean \(nearest)?"
        case .unknownKey(let key, nil): "\(key) is not known and has no effect"
        case .unknownVariable(let name, let nearest?): "\(name) names no key and has no effect; did you mean \(nearest)?"
        case .unknownVariable(let name, nil): "\(name) names no key and has no effect"
        case .questionableKey(let key, let reason): "\(key) is hardly what was meant: \(reason)"
        case .unusedKey(let key, let reason): "\(key) has no effect: \(reason)"
        }
    }
}
