/// The daemon's words about a failure. The Engine API has no error codes beyond the HTTP status, which is 500 for a full
/// disk as for a refused registry password, so a few phrases of moby and containerd tell them apart; only this file knows them.
struct DaemonMessage {
    /// Longest text kept, in characters; OCI runtimes like to quote whole stack traces.
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

    /// `--storage-opt is supported only for overlay over xfs with 'pquota' mount option`: a status 500, and yet the caller's to change.
    var saysOptionUnsupported: Bool { self.contains(anyOf: ["storage-opt"]) }

    var saysNoSuchContainer: Bool { self.contains(anyOf: ["no such container"]) }

    /// Podman says so with a status 500: `creating container storage: the container name "plane-b" is already in use by …`
    var saysNameTaken: Bool { self.contains(anyOf: ["container name"]) && self.contains(anyOf: ["already in use"]) }

    var saysNoSuchImage: Bool { self.contains(anyOf: ["no such image"]) }

    /// Both directions of a version mismatch: `client version 1.30 is too old. Minimum supported API version is 1.44`.
    var saysVersionMismatch: Bool { self.contains(anyOf: ["client version "]) && self.contains(anyOf: ["too old", "too new"]) }

    /// `OCI runtime create failed`, `failed to create task for container`, `error while creating mount source path`.
    var saysNotStartable: Bool {
        self.contains(anyOf: [
            "oci runtime", "failed to create task", "failed to create shim", "mount source path", "executable file not found",
            "error gathering device information", "could not select device driver",
        ])
    }

    /// What is wrong with a pull. A registry that denies and one that does not know the image say nearly the same, on purpose.
    var pullFailure: EngineError.Code {
        if self.saysDiskFull { return .diskFull }
        if self.contains(anyOf: [
            "manifest unknown", "not found: manifest", "no matching manifest", "repository name not known", "name unknown", "not found",
        ]) {
            return .imageNotFound
        }
        if self.contains(anyOf: ["denied", "unauthorized", "authentication required", "no basic auth credentials", "forbidden"]) {
            return .pullDenied
        }
        if self.contains(anyOf: [
            "dial tcp", "i/o timeout", "timeout", "connection refused", "connection reset", "no such host", "eof",
            "toomanyrequests", "too many requests", "service unavailable", "bad gateway", "server gave http response",
        ]) {
            return .registryUnreachable
        }
        return .daemonFailed
    }
}
