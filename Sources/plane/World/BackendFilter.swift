import ArgumentParser
import PlaneProtocol
import PlaneState

extension BackendState: ExpressibleByArgument {
    /// As it is written everywhere, in any case.
    package init?(argument: String) {
        guard let state = Self.allCases.first(where: { $0.rawValue.lowercased() == argument.lowercased() }) else { return nil }
        self = state
    }

    package static var allValueStrings: [String] { Self.allCases.map(\.rawValue) }
}

/// Which backends are to be shown.
struct BackendFilter: ParsableArguments {
    @Option(help: "Only this cluster.")
    var cluster: ClusterName?

    @Option(help: "Only backends of this drone.")
    var drone: DroneID?

    @Option(help: ArgumentHelp("Only backends in this state, ended ones too; may be repeated.", valueName: "state"))
    var state: [BackendState] = []

    @Option(help: ArgumentHelp("Only backends with this lock.", valueName: "text"))
    var lock: LockName?

    @Option(help: ArgumentHelp("Only what has been in its state for this long.", valueName: "seconds"))
    var olderThan: UInt32?

    @Flag(name: .shortAndLong, help: "Show those that have ended too.")
    var all = false

    /// Everything but whether it has ended.
    func matches(_ backend: BackendView, now: WorldTime) -> Bool {
        if let drone = self.drone, backend.drone != drone { return false }
        if let lock = self.lock, backend.lock != lock { return false }
        if !self.state.isEmpty, !(backend.state.map(self.state.contains) ?? false) { return false }
        if let seconds = self.olderThan {
            guard let since = backend.stateTime, now.since(since) >= .seconds(Int64(seconds)) else { return false }
        }
        return true
    }

    /// Whoever names states wants to see them, ended ones included.
    var showsEnded: Bool { self.all || !self.state.isEmpty }

    func listings(of world: WorldState, now: WorldTime) -> [BackendListing] {
        world.clusterNames.filter { self.cluster == nil || $0 == self.cluster }.map { cluster in
            BackendListing(
                cluster: cluster, backends: world.backends(in: cluster).filter { self.matches($0, now: now) }, showsEnded: self.showsEnded)
        }
    }
}
