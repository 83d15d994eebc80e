@testable import DockerEngine
import NIOCore
import Testing

@Suite("A failure")
struct EngineErrorTests {
    private static func error(_ subject: EngineRequest.Subject, _ status: UInt, _ message: String) -> EngineError {
        EngineError(
            status: status, body: ByteBuffer(string: #"{"message":"\#(message)"}"#),
            to: EngineRequest(path: "/", subject: subject, attempt: "try"))
    }

    @Test(
        "is told apart by what was tried, the status and the daemon's words",
        arguments: [
            (.container, 404, "No such container: plane-b", .noSuchContainer),
            (.start, 404, "No such container: plane-b", .noSuchContainer),
            (.start, 404, "network games not found", .notStartable),
            (.start, 400, "OCI runtime create failed: … executable file not found in $PATH: unknown", .notStartable),
            (.start, 500, "failed to create shim task: …", .notStartable),
            (.start, 500, "unable to find user nosuch: no matching entries in passwd file", .notStartable),
            (.start, 500, "unable to find group nosuch: no matching entries in group file", .notStartable),
            (.start, 500, "unable to find user containerd: no matching entries in passwd file", .notStartable),
            (.start, 500, "unable to find group iptables: no matching entries in group file", .notStartable),
            (.start, 500, "OCI runtime create failed: … error setting rlimit type 0: invalid argument: unknown", .notStartable),
            (.start, 500, "OCI runtime create failed: … iptables: executable file not found in $PATH", .notStartable),
            (.start, 500, "some words that nobody has seen before", .notStartable),
            (.start, 500, "failed to create endpoint plane-b on network bridge: could not find bridge plane0", .daemonFailed),
            (.start, 500, "connection error: desc = transport: dial unix:///run/containerd.sock: timeout", .daemonFailed),
            (.start, 500, "write /var/lib/docker/x: no space left on device", .diskFull),
            (.container, 409, "removal of container plane-b is already in progress", .conflict),
            (.container, 500, "something else", .daemonFailed),
            (.creation, 404, "No such image: app:latest", .noSuchImage),
            (.creation, 409, "Conflict. The container name is already in use", .nameConflict),
            (.creation, 500, "creating container storage: the container name plane-b is already in use by be69", .nameConflict),
            (.creation, 500, "--storage-opt is supported only for overlay over xfs with 'pquota' mount option", .badRequest),
            (.creation, 500, "invalid environment variable: =x", .badRequest),
            (.creation, 500, "rpc error: code = Unavailable desc = transport is closing", .daemonFailed),
            (.creation, 400, "Unknown runtime specified runsc", .badRequest),
            (.creation, 500, "write /var/lib/docker/x: no space left on device", .diskFull),
            (.image, 404, "No such image: app:latest", .noSuchImage),
            (.daemon, 400, "client version 1.51 is too old. Minimum supported API version is 1.60", .versionUnsupported),
            (.registry, 404, "pull access denied for app, repository does not exist or may require 'docker login'", .pullDenied),
            (.registry, 404, "manifest for app:9 not found: manifest unknown: manifest unknown", .imageNotFound),
            (.registry, 500, "Get https://r/v2/: unauthorized: authentication required", .pullDenied),
            (.registry, 500, "Get https://r/v2/: dial tcp 10.0.0.1:443: connect: connection refused", .registry(.unreachable)),
            (.registry, 500, "Get https://r/v2/: read tcp 10.0.0.2:4->10.0.0.1:443: read: connection reset by peer", .registry(.unreachable)),
            (.registry, 500, "toomanyrequests: You have reached your pull rate limit", .registry(.rateLimited)),
            (.registry, 500, "error pulling image: received unexpected HTTP status: 429 Too Many Requests", .registry(.rateLimited)),
            (.registry, 500, "Get https://r.invalid/v2/: dial tcp: lookup r.invalid on 10.0.0.1:53: no such host", .registry(.unresolved)),
            (.registry, 500, "Get https://r/v2/: dial tcp: lookup r on 10.0.0.1:53: read udp: i/o timeout", .registry(.unresolved)),
            (.registry, 500, "Get https://r/v2/: x509: certificate signed by unknown authority", .registry(.untrusted)),
            (.registry, 500, "Get https://r/v2/: http: server gave HTTP response to HTTPS client", .registry(.untrusted)),
            (
                .registry, 500, "Get https://r/v2/: net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)",
                .registry(.timedOut)
            ),
            (.registry, 500, "Get https://r/v2/: dial tcp 10.0.0.1:443: i/o timeout", .registry(.timedOut)),
            (.registry, 500, "received unexpected HTTP status: 503 Service Unavailable", .registry(.failed)),
            (.registry, 500, "received unexpected HTTP status: 500 Internal Server Error", .registry(.failed)),
            (.registry, 500, "denied: quota exceeded for project acme", .registry(.quotaExceeded)),
            (.registry, 500, "pull access denied for acme/quota-certificate-timeout, repository does not exist", .pullDenied),
            (.registry, 400, "invalid reference format", .badRequest),
        ] as [(EngineRequest.Subject, UInt, String, EngineError.Code)])
    func codes(subject: EngineRequest.Subject, status: UInt, message: String, code: EngineError.Code) {
        #expect(Self.error(subject, status, message).code == code)
    }

    @Test("says in one line what was tried, what happened and what to do")
    func description() {
        let error = Self.error(.creation, 404, #"No such image:\napp:latest"#)
        #expect(
            error.description
                == "try: the image is not on this machine: No such image: app:latest (is it pulled, and is the pull policy what you meant?)")
    }

    @Test("with a body that is no JSON keeps its text, shortened")
    func plainText() {
        let request = EngineRequest(path: "/", subject: .daemon, attempt: "try")
        let error = EngineError(status: 502, body: ByteBuffer(string: String(repeating: "x\n", count: 1_000)), to: request)
        #expect(error.code == .daemonFailed)
        #expect((error.message?.count ?? 0) < 600)
        #expect(EngineError(status: 503, body: ByteBuffer(), to: request).message == "HTTP status 503")
    }

    @Test("says whether trying again may help")
    func retry() {
        #expect(EngineError(.daemonUnreachable, attempt: "").isRetryable)
        #expect(EngineError(.registry(.unreachable), attempt: "").isRetryable)
        #expect(EngineError(.registry(.rateLimited), attempt: "").isRetryable)
        #expect(!EngineError(.registry(.untrusted), attempt: "").isRetryable)
        #expect(!EngineError(.registry(.quotaExceeded), attempt: "").isRetryable)
        #expect(!EngineError(.notStartable, attempt: "").isRetryable)
        #expect(!EngineError(.pullDenied, attempt: "").isRetryable)
        #expect(!EngineError(.noSuchContainer, attempt: "").isRetryable)
    }
}
