package import PlaneProtocol
import PlaneState

/// How a person calls a backend: by its id, the beginning of one, its host name, or an address of it, pasted from wherever they have seen it.
package struct BackendReference: Hashable, Sendable {
    /// The id, or what it begins with.
    package let id: BackendID
    /// The domain of its cluster, in lower case; nil where nothing is said of it.
    package let domain: String?

    /// Where a proxy serves backends by path, the path names them.
    private static let pathPrefix = "_plane_backend="
    /// Of the containers of backends, in Docker's lists.
    private static let containerPrefix = "plane-"

    /// Nil for what can be no such thing.
    package init?(_ text: String) {
        // Lists cut ids with an ellipsis where a terminal is narrow.
        var rest = text.lowercased().prefix { $0 != "…" }
        var isURL = false
        for scheme in ["http://", "https://", "ws://", "wss://"] where rest.hasPrefix(scheme) {
            rest = rest.dropFirst(scheme.count)
            isURL = true
        }
        if isURL, let path = rest.firstRange(of: "/" + Self.pathPrefix) {
            rest = rest[path.upperBound...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
            isURL = false
        }
        if let end = rest.firstIndex(where: { $0 == "/" || $0 == "?" || $0 == "#" }) {
            guard isURL || rest[end] == "/" else { return nil }
            rest = rest[..<end]
        }
        if let user = rest.lastIndex(of: "@") { rest = rest[rest.index(after: user)...] }
        let host = rest.prefix { $0 != ":" }
        let labels = host.split(separator: ".", omittingEmptySubsequences: true)
        guard let first = labels.first else { return nil }
        // Somebody may have copied the beginning up to a hyphen.
        var name = String(first)
        while labels.count == 1, name.hasSuffix("-") { name.removeLast() }
        guard let id = BackendID(rawValue: name), !isURL || labels.count > 1 else { return nil }
        self.id = id
        self.domain = labels.count > 1 ? labels.dropFirst().joined(separator: ".") : nil
    }

    /// The id that is meant where a container's name was pasted.
    fileprivate var withoutContainerPrefix: BackendID? {
        guard self.id.rawValue.hasPrefix(Self.containerPrefix) else { return nil }
        return BackendID(rawValue: String(self.id.rawValue.dropFirst(Self.containerPrefix.count)))
    }
}

/// A backend that somebody has called somehow.
package struct FoundBackend: Hashable, Sendable {
    package var id: BackendID
    /// nil where nobody knows the backend.
    package var cluster: ClusterName?
}

extension PlaneClient {
    /// Finds the backend that is meant. One whose history is known by this very id is meant in any case; otherwise one of the state whose id
    /// begins so, if there is just one.
    ///
    /// - Parameter cluster: Where it has to be; nil for anywhere.
    /// - Returns: The id itself and no cluster for a backend that nobody knows: it may be asked for before it is there.
    /// - Throws: `ambiguousBackend` where several are meant, `unknownBackend` where it is of another cluster than its name says.
    package func find(_ reference: BackendReference, in cluster: ClusterName? = nil) async throws(PlaneError) -> FoundBackend {
        if let known = try await self.newestState(of: reference.id) {
            guard cluster == nil || cluster == known.cluster, reference.domain == nil || reference.domain == known.cluster.domain.lowercased() else {
                throw .unknownBackend(reference.id, cluster ?? reference.domain.flatMap(ClusterName.init(rawValue:)) ?? known.cluster)
            }
            return FoundBackend(id: reference.id, cluster: known.cluster)
        }
        // Who may not read the state knows backends by their whole ids.
        guard let fleet = try? await self.readState() else { return FoundBackend(id: reference.id, cluster: cluster) }
        for prefix in [reference.id, reference.withoutContainerPrefix].compactMap({ $0 }) {
            let matches = Self.matches(prefix, reference.domain, cluster, in: fleet)
            if let exact = matches.first(where: { $0.id == prefix }) { return exact }
            if matches.count > 1 { throw .ambiguousBackend(prefix, matches.map(\.id)) }
            if let only = matches.first { return only }
        }
        return FoundBackend(id: reference.id, cluster: cluster)
    }

    /// Those that run come first.
    private static func matches(_ prefix: BackendID, _ domain: String?, _ cluster: ClusterName?, in fleet: FleetState) -> [FoundBackend] {
        fleet.clusterNames.filter { (cluster == nil || $0 == cluster) && (domain == nil || $0.domain.lowercased() == domain) }.flatMap { name in
            fleet.backends(in: name).filter { $0.id.rawValue.hasPrefix(prefix.rawValue) }
                .sorted { ($0.state?.isTerminal ?? false ? 1 : 0, $0.id.rawValue) < ($1.state?.isTerminal ?? false ? 1 : 0, $1.id.rawValue) }
                .map { FoundBackend(id: $0.id, cluster: name) }
        }
    }
}
