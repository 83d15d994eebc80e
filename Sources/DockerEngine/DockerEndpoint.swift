import Glibc

/// Where the Engine API is served.
package enum DockerEndpoint: Hashable, Sendable {
    /// An absolute path; normally `/var/run/docker.sock`.
    case unixSocket(path: String)
    /// `http://host:port`, without a path. Unencrypted: for loopback or a trusted network only.
    case http(url: String)

    /// Docker's own default on Linux.
    package static let standard = DockerEndpoint.unixSocket(path: "/var/run/docker.sock")

    /// Reads the form of `DOCKER_HOST`: `unix:///path`, `tcp://host:port`, `http://host:port`, or a plain absolute path.
    package init?(_ text: String) {
        let path = text.hasPrefix("unix://") ? String(text.dropFirst("unix://".count)) : text
        if path.hasPrefix("/") {
            self = .unixSocket(path: path)
            return
        }
        guard let scheme = ["tcp://", "http://"].first(where: text.hasPrefix) else { return nil }
        let authority = text.dropFirst(scheme.count).prefix { $0 != "/" }
        guard !authority.isEmpty else { return nil }
        self = .http(url: "http://\(authority)")
    }

    /// What every URL of a call begins with, without the trailing slash.
    var urlPrefix: String {
        switch self {
        case .unixSocket(let path): "http+unix://\(URLComponentEncoding.encode(path))"
        case .http(let url): url.hasSuffix("/") ? String(url.dropLast()) : url
        }
    }

    /// Go refuses a `Host` with a slash in it, so a socket's path cannot serve; nil leaves the one of the URL.
    var hostHeader: String? {
        switch self {
        case .unixSocket: "docker"
        case .http: nil
        }
    }

    /// Advice for a connection that could not be made; `errno` is nil where none is known.
    func hint(errno: CInt?) -> String {
        switch (self, errno) {
        case (.unixSocket(let path), EACCES): "is this user in the group of \(path), normally docker?"
        case (.unixSocket(let path), ENOENT): "there is no \(path): is Docker installed, and this its socket?"
        case (.unixSocket(let path), _): "is dockerd running and listening on \(path)?"
        case (.http(let url), _): "is dockerd running and listening on \(url)?"
        }
    }
}

extension DockerEndpoint: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unixSocket(let path): "unix://\(path)"
        case .http(let url): url
        }
    }
}
