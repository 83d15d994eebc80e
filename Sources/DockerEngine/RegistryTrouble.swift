/// Why a registry has not delivered an image, other than that it has no such image or hides it.
package enum RegistryTrouble: Sendable, Hashable, CaseIterable {
    /// Too many requests (HTTP 429): the registry asks to try again later.
    case rateLimited
    /// The account's or the registry's quota of traffic or storage is used up.
    case quotaExceeded
    /// The registry's name is not in the DNS, or the DNS gives no answer.
    case unresolved
    /// The registry's TLS certificate is not trusted, or it does not use TLS.
    case untrusted
    /// The registry did not answer, or not in time.
    case timedOut
    /// The registry has reported a failure of its own (HTTP 5xx).
    case failed
    /// There was no connection: it was refused or reset, or there is no route.
    case unreachable

    /// Whether the same pull may succeed later without any change.
    package var mayPass: Bool {
        switch self {
        case .rateLimited, .unresolved, .timedOut, .failed, .unreachable: true
        case .quotaExceeded, .untrusted: false
        }
    }

    var sentence: String {
        switch self {
        case .rateLimited: "the registry allows no more pulls for now"
        case .quotaExceeded: "a quota of the registry is used up"
        case .unresolved: "the registry's name cannot be resolved"
        case .untrusted: "the registry's TLS certificate is not trusted"
        case .timedOut: "the registry did not answer in time"
        case .failed: "the registry failed"
        case .unreachable: "the registry cannot be reached"
        }
    }

    var hint: String {
        switch self {
        case .rateLimited: "give credentials with the image, for anonymous pulls are counted by address, or set up a mirror for the drone's Docker"
        case .quotaExceeded: "ask whoever pays for the registry"
        case .unresolved: "is the registry's name right, and does the drone's DNS know it?"
        case .untrusted: "give the drone's Docker the registry's authority, in /etc/docker/certs.d"
        case .timedOut, .unreachable: "does the drone reach the registry, by a proxy if it needs one?"
        case .failed: "look at the registry, or try again later"
        }
    }
}
