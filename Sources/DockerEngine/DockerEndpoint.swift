import Glibc
import TextEncodings

/// The address of the Engine API.
package enum DockerEndpoint: Hashable, Sendable {
    /// An absolute path; normally `/var/run/docker.sock`.
    case unixSocket(path: String)
    /// `http://host:port`, without a path. Not encrypted, so for loopback or a trusted network only.
    case http(url: String)

    /// Docker's default on Linux.
    package static let standard = DockerEndpoint.unixSocket(path: "/var/run/docker.sock")

    /// Parses the form of `DOCKER_HOST`: `unix:///path`, `tcp://host:port`, `http://host:port`, or an absolute path.
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

    /// The beginning of every URL, without a slash at its end.
    var urlPrefix: String {
        switch self {
        case .unixSocket(let path): "http+unix://\(PercentEncoding.encode(path))"
        case .http(let url): url.hasSuffix("/") ? String(url.dropLast()) : url
        }
    }

    /// The `Host` header where the URL's own cannot be used: Go refuses one with a slash, which a socket's path contains. Nil keeps the URL's.
    var hostHeader: String? {
        switch self {
        case .unixSocket: "docker"
        case .http: nil
        }
    }

    /// Advice for a connection that could not be made; `errno` is nil if it is not known.
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
