import NATS
import PlaneMessaging
import PlaneProtocol

/// The subscriptions to operators' requests for work in containers.
struct ExecSubscriptions: Sendable {
    private let begins: MessageSubscription<ExecRequest>
    private let inputs: MessageSubscription<ExecInput>
    private let outputs: MessageSubscription<ExecOutputRequest>
    private let descriptions: MessageSubscription<DescribeBackend>

    /// How many requests of each kind are handled at the same time. A request for output waits for seconds; each program has one of these, or two if one was
    /// repeated.
    private static let maxConcurrent = 2 * ExecSessions.limit

    init(_ bus: PlaneBus, cluster: ClusterName, drone: DroneID) throws(NATSError) {
        self.begins = try bus.subscribe(to: ExecRequest.self, on: ExecRequest.subject(cluster: cluster, drone: drone))
        self.inputs = try bus.subscribe(to: ExecInput.self, on: ExecInput.subject(cluster: cluster, drone: drone))
        self.outputs = try bus.subscribe(to: ExecOutputRequest.self, on: ExecOutputRequest.subject(cluster: cluster, drone: drone))
        self.descriptions = try bus.subscribe(to: DescribeBackend.self, on: DescribeBackend.subject(cluster: cluster, drone: drone))
    }

    func serve(_ sessions: ExecSessions) async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.begins.serve(maxConcurrent: Self.maxConcurrent) { await sessions.begin($0) } }
            group.addTask { await self.inputs.serve(maxConcurrent: Self.maxConcurrent) { await sessions.input($0) } }
            group.addTask { await self.outputs.serve(maxConcurrent: Self.maxConcurrent) { await sessions.output($0) } }
            group.addTask { await self.descriptions.serve(maxConcurrent: 1) { await sessions.describe($0) } }
        }
    }
}
