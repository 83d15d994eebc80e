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
        // In an address of IPv6 without brackets nobody can tell what the port is.
        return host.contains(":") ? nil : String(host)
    }

    /// Of a long name this many labels take part in the search for a pattern.
    private static let labelLimit = 6

    /// The name and the patterns that cover it, those that cover least first, as Hipache looks for them.
    package static func candidates(_ name: String) -> [String] {
        let labels = name.split(separator: ".", omittingEmptySubsequences: false).suffix(Self.labelLimit)
        let patterns = labels.indices.dropFirst().map { "*." + labels[$0...].joined(separator: ".") }
        return [name] + patterns + ["*"]
    }
}
