import ArgumentParser
import PlaneClient
import PlaneProtocol

extension BackendReference: ExpressibleByArgument {
    package init?(argument: String) { self.init(argument) }

    /// The help text for a backend, the same in every command.
    static let help = ArgumentHelp(
        "The backend: its id, the beginning of it if no other begins so, its host name or its URL.", valueName: "backend")
}

/// The arguments `[CLUSTER] BACKEND`. The cluster is not needed, but still accepted.
struct BackendArguments: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            "The backend: its id, the beginning of it if no other begins so, its host name or its URL. Its cluster may stand before it.",
            valueName: "backend"))
    var words: [String]

    mutating func validate() throws {
        guard self.words.count <= 2 else { throw ValidationError("One backend, with its cluster before it or not: \(self.words.count) words are too many.") }
        if self.words.count == 2, self.cluster == nil { throw ValidationError("\(self.words[0]) is no cluster name such as plane.test.") }
        guard self.reference != nil else {
            throw ValidationError("\(self.words.last ?? "") is no backend's id, host name or URL.")
        }
    }

    private var cluster: ClusterName? { self.words.count == 2 ? ClusterName(rawValue: self.words[0]) : nil }
    private var reference: BackendReference? { self.words.last.flatMap { BackendReference($0) } }

    /// - Throws: `unknownBackend` if the backend is not known, or not in the given cluster.
    func find(_ client: PlaneClient) async throws -> (id: BackendID, cluster: ClusterName) {
        guard let reference else { preconditionFailure("what is no reference is refused before") }
        let found = try await client.find(reference, in: self.cluster)
        guard let cluster = found.cluster else { throw PlaneError.unknownBackend(found.id, nil) }
        return (found.id, cluster)
    }
}
