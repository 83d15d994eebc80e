/// The daemon's text about a failure. The Engine API has no error codes but the HTTP status, which is 500 both for a full disk and for a password that a
/// registry refuses. So a few phrases of moby and containerd are recognized; only this file knows them.
struct DaemonMessage {
    /// How many characters of the text are kept; OCI runtimes quote whole stack traces.
    private static let lengthLimit = 500

    let text: String

    init(_ text: String) {
        let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
        self.text = line.count > Self.lengthLimit ? line.prefix(Self.lengthLimit) + "…" : line
    }

    private func contains(anyOf phrases: [String]) -> Bool {
        let lower = self.text.lowercased()
        return phrases.contains { lower.contains($0) }
    }

    /// ENOSPC and EDQUOT, as Go prints them.
    var saysDiskFull: Bool { self.contains(anyOf: ["no space left on device", "disk quota exceeded"]) }

    /// `--storage-opt is supported only for overlay over xfs with 'pquota' mount option`: the status is 500, but the request has to be changed.
    var saysOptionUnsupported: Bool { self.contains(anyOf: ["storage-opt"]) }

    var saysNoSuchContainer: Bool { self.contains(anyOf: ["no such container"]) }

    /// Podman reports this with status 500: `creating container storage: the container name "plane-b" is already in use by …`
    var saysNameTaken: Bool { self.contains(anyOf: ["container name"]) && self.contains(anyOf: ["already in use"]) }

    var saysNoSuchImage: Bool { self.contains(anyOf: ["no such image"]) }

    /// Both directions of a version mismatch: `client version 1.30 is too old. Minimum supported API version is 1.44`.
    var saysVersionMismatch: Bool { self.contains(anyOf: ["client version "]) && self.contains(anyOf: ["too old", "too new"]) }

    /// A failure of the engine itself, whatever the image: containerd is away, the network cannot be set up, something took too long. Another attempt may
    /// succeed, or the machine has to be repaired. Other texts are taken for faults of the container.
    var saysEngineTrouble: Bool {
        self.contains(anyOf: [
            "containerd", "code = unavailable", "connection error", "transport is closing", "ttrpc: closed", "deadline exceeded",
            "context canceled", "shutting down", "database is locked", "input/output error", "read-only file system",
            "cannot allocate memory", "too many open files", "resource temporarily unavailable",
            "could not find bridge", "failed to create endpoint", "external connectivity", "iptables", "nftables",
            "no available ipv4 addresses", "no available ip addresses", "failed to set up container networking",
            "error creating overlay mount", "failed to mount overlay", "layer does not exist",
        ]) && !self.contains(anyOf: ["oci runtime", "mount source path", "unable to find user", "unable to find group"])
    }

    /// Why a pull has failed. A registry that refuses and one that does not know the image intentionally say nearly the same.
    ///
    /// The phrases were seen with Docker 20.10 to 28; they come from Go (`net`, `crypto/x509`) and from the error codes of the distribution project. The
    /// order matters: the text about a quota may contain "denied", that about a lookup "not found" and "timeout".
    var pullFailure: EngineError.Code {
        if self.saysDiskFull { return .diskFull }
        if let trouble = self.registryAnswer { return .registry(trouble) }
        if self.contains(anyOf: ["no such host", "server misbehaving", "temporary failure in name resolution", "lookup "]) {
            return .registry(.unresolved)
        }
        if self.contains(anyOf: ["x509: ", "tls: ", "server gave http response"]) { return .registry(.untrusted) }
        if self.contains(anyOf: [
            "manifest unknown", "not found: manifest", "no matching manifest", "repository name not known", "name unknown", "not found",
        ]) {
            return .imageNotFound
        }
        if self.contains(anyOf: ["denied", "unauthorized", "authentication required", "no basic auth credentials", "forbidden"]) {
            return .pullDenied
        }
        if self.contains(anyOf: ["timeout", "timed out", "deadline exceeded", "awaiting headers"]) { return .registry(.timedOut) }
        if self.contains(anyOf: [
            "dial tcp", "connection refused", "connection reset", "no route to host", "network is unreachable", "broken pipe", "eof",
        ]) {
            return .registry(.unreachable)
        }
        return .daemonFailed
    }

    /// The failure that the registry has reported in its answer.
    private var registryAnswer: RegistryTrouble? {
        if self.contains(anyOf: ["toomanyrequests", "too many requests", "rate limit", "status code 429", "status: 429"]) { return .rateLimited }
        if self.contains(anyOf: ["quota exceeded", "exceeded your quota", "exceeded the quota", "over quota", "402 payment required"]) {
            return .quotaExceeded
        }
        if self.contains(anyOf: [
            "internal server error", "bad gateway", "service unavailable", "gateway timeout", "gateway time-out", "received unexpected http status: 5",
            "status: 50", "500 internal", "unavailable: the service",
        ]) {
            return .failed
        }
        return nil
    }
}
