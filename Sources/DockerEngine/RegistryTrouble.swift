/// What kept a registry from giving an image, other than that it has none of that name or does not show it.
package enum RegistryTrouble: Sendable, Hashable, CaseIterable {
    /// Too many requests (HTTP 429): the registry asks to come back later.
    case rateLimited
    /// The account's or the registry's quota of traffic or storage is used up.
    case quotaExceeded
    /// Its name is not found in the DNS, or the DNS gives no answer.
    case unresolved
    /// Its TLS certificate is not trusted, or it does not speak TLS.
    case untrusted
    /// It accepted a connection, or did not, and then said nothing for too long.
    case timedOut
    /// It answered that it is in trouble itself (HTTP 5xx).
    case failed
    /// No connection: refused, reset, no route.
    case unreachable

    /// Whether the same pull may succeed later without anybody changing something.
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
