import DockerEngine

/// Which images a drone runs. An image that was pulled with one tenant's credentials can be used by everybody who knows its name. On a drone that tenants
/// share, these patterns keep their images apart.
///
/// Patterns are compared with the full name of the image, as a registry is asked for it: `docker.io/library/redis:7`, `ghcr.io/acme/editor:4`, or with a
/// digest `ghcr.io/acme/editor:4@sha256:…`. `*` stands for any characters except a slash, `**` for any characters.
package struct ImageAllowance: Hashable, Sendable {
    private let patterns: [String]

    /// - Parameter patterns: an empty list allows every image.
    package init(_ patterns: [String]) {
        self.patterns = patterns
    }

    package static let all = ImageAllowance([])

    package func allows(_ image: String) -> Bool {
        guard !self.patterns.isEmpty else { return true }
        guard let name = ImageReference(image)?.fullName else { return false }
        return self.patterns.contains { Self.matches(Array($0.utf8)[...], Array(name.utf8)[...]) }
    }

    /// Tries each length that a star can stand for, shortest first. Patterns come from the operator and names have some 500 bytes at most, so few stars limit
    /// the work; adjacent stars count as one.
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
