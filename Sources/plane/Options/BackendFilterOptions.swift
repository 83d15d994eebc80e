import ArgumentParser
import PlaneClient
import PlaneProtocol

extension BackendState: ExpressibleByArgument {
    /// Accepts the names that are used everywhere, in upper or lower case.
    package init?(argument: String) {
        guard let state = Self.allCases.first(where: { $0.rawValue.lowercased() == argument.lowercased() }) else { return nil }
        self = state
    }

    package static var allValueStrings: [String] { Self.allCases.map(\.rawValue) }
}

/// Selects the backends to be shown.
struct BackendFilterOptions: ParsableArguments {
    @Option(help: "Only this cluster.")
    var cluster: ClusterName?

    @Option(help: "Only backends of this drone.")
    var drone: DroneID?

    @Option(help: ArgumentHelp("Only backends in this state, ended ones too; may be repeated.", valueName: "state"))
    var state: [BackendState] = []

    @Option(help: ArgumentHelp("Only backends with this lock.", valueName: "text"))
    var lock: LockName?

    @Option(help: ArgumentHelp("Only what has been in its state for this long, such as 90s, 5m, 2h or 1d.", valueName: "time"))
    var olderThan: DurationArgument?

    @Flag(name: .shortAndLong, help: "Show those that have ended too.")
    var all = false

    var selection: BackendSelection {
        var selection = BackendSelection()
        selection.cluster = self.cluster
        selection.drone = self.drone
        selection.states = Set(self.state)
        selection.lock = self.lock
        selection.minimumAge = self.olderThan?.duration
        selection.includesEnded = self.all
        return selection
    }
}
