import DockerEngine

/// Which images a drone runs. An image that one tenant's credentials have brought is there for everybody who knows its name; on a drone
/// that tenants share, this is what keeps them apart.
///
/// Patterns are compared with the full name of the image, as a registry is asked for it: `docker.io/library/redis:7`,
/// `ghcr.io/acme/editor:4`, with a digest `ghcr.io/acme/editor:4@sha256:…`. `*` stands for any characters but a slash, `**` for any at all.
package struct ImageAllowance: Hashable, Sendable {
    private let patterns: [String]

    /// - Parameter patterns: None allow every image.
    package init(_ patterns: [String]) {
        self.patterns = patterns
    }

    package static let all = ImageAllowance([])

    package func allows(_ image: String) -> Bool {
        guard !self.patterns.isEmpty else { return true }
        guard let name = ImageReference(image)?.fullName else { return false }
        return self.patterns.contains { Self.matches(Array($0.utf8)[...], Array(name.utf8)[...]) }
    }

    /// Tries each length a star can stand for, shortest first. Patterns are the operator's and names at most some 500 bytes, so the
    /// patterns' few stars bound the work; stars in a row are one.
    private static func matches(_ pattern: ArraySlice<UInt8>, _ text: ArraySlice<UInt8>) -> Bool {
        guard let first = pattern.first else { return text.isEmpty }
        guard first == UInt8(ascii: "*") else {
            return text.first == first && self.matches(pattern.dropFirst(), text.dropFirst())
        }
        let rest = pattern.drop { $0 == UInt8(ascii: "*") }
        let crossesSlashes = rest.startIndex - pattern.startIndex > 1
        var remaining = text
        while true {
            if self.matches(rest, remaining) { return true }
            guard let next = remaining.popFirst(), crossesSlashes || next != UInt8(ascii: "/") else { return false }
        }
    }
}
