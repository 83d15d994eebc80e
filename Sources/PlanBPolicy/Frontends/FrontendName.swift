/// The name by which a request's frontend is looked up.
package enum FrontendName {
    /// `name` of `name:port`, and `v6` of `[v6]:port`; nil for anything without a port.
    package static func withoutPort(_ name: String) -> String? {
        guard let colon = name.lastIndex(of: ":") else { return nil }
        let host = name[..<colon]
        if host.hasPrefix("[") {
            guard host.hasSuffix("]") else { return nil }
            return String(host.dropFirst().dropLast())
        }
        // In an IPv6 address without brackets the port cannot be recognized.
        return host.contains(":") ? nil : String(host)
    }

    /// How many labels of a long name are used in the search for a pattern.
    private static let labelLimit = 6

    /// The name and the patterns that match it, the most specific first, in the order of Hipache.
    package static func candidates(_ name: String) -> [String] {
        let labels = name.split(separator: ".", omittingEmptySubsequences: false).suffix(Self.labelLimit)
        let patterns = labels.indices.dropFirst().map { "*." + labels[$0...].joined(separator: ".") }
        return [name] + patterns + ["*"]
    }
}
