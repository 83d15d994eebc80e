import ArgumentParser
import PlaneClient
import PlaneProtocol
import PlaneState

struct MarkBackendLostCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mark-backend-lost", abstract: "Write off backends whose drone will not come back; their locks become free.",
        usage: "plane mark-backend-lost [options] [<cluster>] <backend> ...",
        discussion: "Schedulers write off the backends of a drone that is silent for long by themselves.")

    @Argument(
        help: ArgumentHelp(
            "The backends, each by its id, the beginning of it, its host name or its URL. Their cluster may stand before them.", valueName: "backend"))
    var words: [String]

    @Flag(name: .shortAndLong, help: "Do not ask.")
    var yes = false

    @OptionGroup(title: "Connection and output") var global: GlobalOptions

    func run() async throws {
        try await self.global.run { client, console in
            let fleet = try await client.readState()
            let (named, references) = try self.references(in: fleet)
            var skipped = 0
            for reference in references {
                let found = try await client.find(reference, in: named)
                let backend = found.id
                guard let cluster = found.cluster, let view = fleet.backend(backend, in: cluster) else {
                    console.note(named.map { "\($0) has no backend \(backend)." } ?? "Nothing is known of a backend \(backend).")
                    skipped += 1
                    continue
                }
                if let state = view.state, state.isTerminal {
                    console.note("\(backend) has ended already: \(state.rawValue).")
                    skipped += 1
                    continue
                }
                guard self.isConfirmed(view, console) else {
                    skipped += 1
                    continue
                }
                try await self.markLost(view, in: cluster, client, console)
            }
            guard skipped == 0 else {
                throw CommandError(.failed, "\(skipped) of \(references.count) backends were not written off.")
            }
        }
    }

    /// The first word is a cluster if there is a cluster with that name, or if no clusters are known.
    private func references(in fleet: FleetState) throws -> (ClusterName?, [BackendReference]) {
        var words = self.words[...]
        var cluster: ClusterName?
        if words.count > 1, let name = words.first.flatMap(ClusterName.init(rawValue:)),
            fleet.clusterNames.contains(name)
                || !fleet.clusterNames.contains(where: { self.words[0].hasSuffix(".\($0.domain)") }) && self.words[0].contains(".")
        {
            cluster = name
            words = words.dropFirst()
        }
        let references = try words.map { word in
            guard let reference = BackendReference(word) else {
                throw CommandError(.usage, "\(word) is no backend's id, host name or URL.")
            }
            return reference
        }
        return (cluster, references)
    }

    private func isConfirmed(_ view: BackendView, _ console: Console) -> Bool {
        guard !self.yes else { return true }
        let lock = view.lock.map { ", lock \($0.printable)" } ?? ""
        return console.isConfirmed(
            "Write off \(view.id) (\(view.state?.rawValue ?? "no state") on \(view.drone?.rawValue ?? "an unknown drone")\(lock))?")
    }

    private func markLost(_ view: BackendView, in cluster: ClusterName, _ client: PlaneClient, _ console: Console) async throws(PlaneError) {
        // The message requires a drone. If none is known its value is not used either.
        guard let drone = view.drone ?? DroneID(rawValue: "unknown") else { return }
        let message = try await client.markLost(view.id, of: drone, in: cluster, message: "an operator has written it off")
        if self.global.json { return console.json(MarkedBackend(message: message, drone: drone)) }
        console.line("\(view.id) is written off.")
        if let lock = view.lock { console.line("The lock \(lock.printable) is free.") }
    }
}

/// The state that was written for a backend; `backend` is the older spelling of `backend_id`.
private struct MarkedBackend: JSONEncodable {
    let message: BackendStateMessage
    let drone: DroneID

    func write(to json: inout JSONWriter) {
        json.object {
            $0.field("cluster", self.message.cluster)
            $0.field("backend_id", self.message.backend)
            $0.field("drone", self.drone)
            $0.field("state", self.message.state)
            $0.field("time", self.message.time)
            $0.fieldIfPresent("detail", self.message.detail)
            $0.field("backend", self.message.backend)
        }
    }
}
