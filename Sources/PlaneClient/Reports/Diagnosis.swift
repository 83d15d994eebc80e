package import PlaneProtocol

/// Why a backend is in its state, in a sentence.
package struct Diagnosis: Hashable, Sendable {
    package let state: BackendState
    package let cause: BackendCause?
    package let exitCode: Int64?
    /// The explanation by its drone, or by the container engine there.
    package let message: String?
    /// Whether the backend was ever ready.
    package let wasReady: Bool
    package let isEnding: Bool
    /// Whether its container is frozen because there is no traffic.
    package let isHeld: Bool

    package init(_ message: BackendStateMessage, wasReady: Bool) {
        self.state = message.state
        self.cause = message.detail?.cause
        self.exitCode = message.detail?.exitCode
        self.message = message.detail?.message
        self.wasReady = wasReady
        self.isEnding = message.detail?.ending != nil
        self.isHeld = message.detail?.isHeld ?? false
    }

    package var sentence: String {
        guard !self.isEnding else { return "It is being ended: nothing new gets in, and its process may still run." }
        guard !self.isHeld else {
            return "It is ready, and its container is frozen, because nobody has sent anything for a while: the next request or message thaws it."
        }
        return switch self.state {
        case .loading: "Its image is being fetched, or its container made."
        case .starting: "Its container runs, and its port does not answer yet."
        case .ready: "Its program runs, and has answered its drone."
        case .errorLoading: self.loadingError
        case .errorStarting: "Its program ended before its port answered\(self.exit)."
        case .timedOutBeforeReady: self.timeout
        case .failed: self.failure
        case .exited: "Its program ended by itself, and said that all is well (exit code 0)."
        case .swept where self.cause == .lifetime: "It had lived for as long as its request allows, so it was stopped."
        case .swept: "Nobody was connected for as long as its idle time allows, so it was stopped."
        case .lost: "It was written off: its drone was silent for too long, or an operator said so."
        case .terminated: "Somebody asked for it to be stopped."
        }
    }

    private var exit: String { self.exitCode.map { ", with exit code \($0)\(Self.signal($0))" } ?? "" }

    private var loadingError: String {
        switch self.cause {
        case .imageMissing: "Its image is not on the drone, and its pull policy does not allow to fetch it."
        case .imageNotFound: "The registry has no such image, or hides it."
        case .pullDenied: "The registry refused to give its image."
        case .pullRateLimited: "The registry allows no more pulls for now."
        case .pullQuotaExceeded: "A quota of the image's registry is used up."
        case .registryUnresolved: "The name of the image's registry was not found in the DNS."
        case .registryUntrusted: "The drone does not trust the TLS certificate of the image's registry."
        case .registryTimedOut: "The image's registry did not answer in time, or the image was too long on its way."
        case .registryFailed: "The image's registry failed."
        case .imagePullFailed: "Its image could not be pulled."
        case .diskFull: "Its drone has no room left for the image or the container."
        case .engineUnavailable: "The container engine of its drone was in trouble, or did not answer."
        case .containerRefused: "The container engine refused to make or start its container."
        default: "Its image could not be fetched, or its container not be made or started."
        }
    }

    private var timeout: String {
        switch self.cause {
        case .portNeverOpened: "Its program ran, and nothing listened on its port in time."
        case .readinessTimeout: "Its program listened on its port, and gave no HTTP response in time."
        default: "Its program ran, and its port did not answer in time."
        }
    }

    private var failure: String {
        switch self.cause {
        case .outOfMemory: "The kernel killed it, because it needed more memory than its limit."
        case .vanished: "Its container is gone, and nobody saw how."
        case .networkLost: "The container that held its network ended, so nothing reached it any more."
        case .internalError: "Something on its drone failed."
        case .containerRefused: "Its drone does not let such a container live."
        default: "Its program ended by itself\(self.exit)."
        }
    }

    /// The signal that ended the process: engines report it as an exit code above 128.
    static func signal(_ code: Int64) -> String {
        let names: [Int64: String] = [
            129: "SIGHUP", 130: "SIGINT", 131: "SIGQUIT", 132: "SIGILL", 134: "SIGABRT", 135: "SIGBUS", 136: "SIGFPE", 137: "SIGKILL",
            139: "SIGSEGV", 141: "SIGPIPE", 143: "SIGTERM",
        ]
        return names[code].map { " (\($0))" } ?? ""
    }
}
