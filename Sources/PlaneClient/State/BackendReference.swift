package import PlaneProtocol
import PlaneState

/// How a person refers to a backend: by its id, the beginning of its id, its host name, or a URL with that, as copied from anywhere.
package struct BackendReference: Hashable, Sendable {
    /// The id, or the beginning of one.
    package let id: BackendID
    /// The domain of the backend's cluster, in lower case; nil if the text does not contain it.
    package let domain: String?

    /// The beginning of paths in which a proxy finds the backend's name, where it serves backends by path.
    private static let pathPrefix = "_plane_backend="
    /// The beginning of the names of backends' containers in Docker.
    private static let containerPrefix = "plane-"

    /// Nil for a text that cannot refer to a backend.
    package init?(_ text: String) {
        // On narrow terminals, lists cut ids and put an ellipsis there.
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
        // The beginning of an id may have been copied up to a hyphen.
        var name = String(first)
        while labels.count == 1, name.hasSuffix("-") { name.removeLast() }
        guard let id = BackendID(rawValue: name), !isURL || labels.count > 1 else { return nil }
        self.id = id
        self.domain = labels.count > 1 ? labels.dropFirst().joined(separator: ".") : nil
    }

    /// The backend's id if the text was the name of its container.
    fileprivate var withoutContainerPrefix: BackendID? {
        guard self.id.rawValue.hasPrefix(Self.containerPrefix) else { return nil }
        return BackendID(rawValue: String(self.id.rawValue.dropFirst(Self.containerPrefix.count)))
    }
}

/// The backend that a reference was found to mean.
package struct FoundBackend: Hashable, Sendable {
    package var id: BackendID
    /// Nil if the backend is not known.
    package var cluster: ClusterName?
}

extension PlaneClient {
    /// Finds the backend that a reference means. If there is a history for exactly this id, it is that backend. Otherwise it is the one in the state whose id
    /// begins so, if there is only one.
    ///
    /// - Parameter cluster: where the backend has to be; nil for anywhere.
    /// - Returns: the id itself, and no cluster, for an unknown backend: it may be asked for before it exists.
    /// - Throws: `ambiguousBackend` where several match, `unknownBackend` where the backend is in another cluster than its name says.
    package func find(_ reference: BackendReference, in cluster: ClusterName? = nil) async throws(PlaneError) -> FoundBackend {
        if let known = try await self.newestState(of: reference.id) {
            guard cluster == nil || cluster == known.cluster, reference.domain == nil || reference.domain == known.cluster.domain.lowercased() else {
                throw .unknownBackend(reference.id, cluster ?? reference.domain.flatMap(ClusterName.init(rawValue:)) ?? known.cluster)
            }
            return FoundBackend(id: reference.id, cluster: known.cluster)
        }
        // A user who may not read the state has to give complete ids.
        guard let fleet = try? await self.readState() else { return FoundBackend(id: reference.id, cluster: cluster) }
        for prefix in [reference.id, reference.withoutContainerPrefix].compactMap({ $0 }) {
            let matches = Self.matches(prefix, reference.domain, cluster, in: fleet)
            if let exact = matches.first(where: { $0.id == prefix }) { return exact }
            if matches.count > 1 { throw .ambiguousBackend(prefix, matches.map(\.id)) }
            if let only = matches.first { return only }
        }
        return FoundBackend(id: reference.id, cluster: cluster)
    }

    /// The backends that match; running ones come first.
    private static func matches(_ prefix: BackendID, _ domain: String?, _ cluster: ClusterName?, in fleet: FleetState) -> [FoundBackend] {
        fleet.clusterNames.filter { (cluster == nil || $0 == cluster) && (domain == nil || $0.domain.lowercased() == domain) }.flatMap { name in
            fleet.backends(in: name).filter { $0.id.rawValue.hasPrefix(prefix.rawValue) }
                .sorted { ($0.state?.isTerminal ?? false ? 1 : 0, $0.id.rawValue) < ($1.state?.isTerminal ?? false ? 1 : 0, $1.id.rawValue) }
                .map { FoundBackend(id: $0.id, cluster: name) }
        }
    }
}
