/// Why a backend is in its state, for programs. Any text is accepted: a newer agent may know more causes, and an unknown one must not make a message
/// unreadable.
package struct BackendCause: JSONText, Hashable, Codable {
    package static var expectation: String { "a string" }

    package let rawValue: String

    package init(rawValue: String) {
        self.rawValue = rawValue
    }

    /// The registry has no such image, or hides it from these credentials; or the name is invalid.
    package static let imageNotFound = BackendCause(rawValue: "image_not_found")
    /// The registry refused the credentials, or requires some.
    package static let pullDenied = BackendCause(rawValue: "pull_denied")
    /// The registry asks to try again later, because of too many pulls (HTTP 429).
    package static let pullRateLimited = BackendCause(rawValue: "pull_rate_limited")
    /// A quota of the registry is used up.
    package static let pullQuotaExceeded = BackendCause(rawValue: "pull_quota_exceeded")
    /// The registry's name is not in the DNS.
    package static let registryUnresolved = BackendCause(rawValue: "registry_unresolved")
    /// The registry's TLS certificate is not trusted.
    package static let registryUntrusted = BackendCause(rawValue: "registry_untrusted")
    /// The registry did not answer in time, or the pull took too long.
    package static let registryTimedOut = BackendCause(rawValue: "registry_timed_out")
    /// The registry has reported a failure of its own (HTTP 5xx).
    package static let registryFailed = BackendCause(rawValue: "registry_failed")
    /// The registry could not be reached, or the pull failed in another way.
    package static let imagePullFailed = BackendCause(rawValue: "pull_failed")
    /// The drone has no room for the image or the container.
    package static let diskFull = BackendCause(rawValue: "disk_full")
    /// The policy is `Never`, and the image is not on the drone.
    package static let imageMissing = BackendCause(rawValue: "image_missing")
    /// Docker gave no answer, or had a failure of its own, when the image was to be pulled or the container to be made.
    package static let engineUnavailable = BackendCause(rawValue: "engine_unavailable")
    /// Docker refused to create or start the container.
    package static let containerRefused = BackendCause(rawValue: "container_refused")
    /// The process ended before its port answered.
    package static let crashOnBoot = BackendCause(rawValue: "crash_on_boot")
    /// Nothing listened on the port within the limit.
    package static let portNeverOpened = BackendCause(rawValue: "port_never_opened")
    /// Something listened on the port, and gave no HTTP response within the limit.
    package static let readinessTimeout = BackendCause(rawValue: "readiness_timeout")
    /// The process ended by itself after it was ready.
    package static let exitedByItself = BackendCause(rawValue: "exited")
    /// The kernel killed a process of the container, because it used too much memory.
    package static let outOfMemory = BackendCause(rawValue: "oom_killed")
    /// Nobody was connected for `max_idle_secs`.
    package static let idle = BackendCause(rawValue: "idle")
    /// The backend has lived for `lifetime_limit_secs`.
    package static let lifetime = BackendCause(rawValue: "lifetime")
    /// Somebody has asked for the end.
    package static let requested = BackendCause(rawValue: "terminated")
    /// The container is gone, for an unknown reason.
    package static let vanished = BackendCause(rawValue: "vanished")
    /// The container with its network has ended, so nothing could reach the backend, and it was ended too.
    package static let networkLost = BackendCause(rawValue: "network_lost")
    /// Something on the drone failed, other than the backend.
    package static let internalError = BackendCause(rawValue: "internal_error")
}
