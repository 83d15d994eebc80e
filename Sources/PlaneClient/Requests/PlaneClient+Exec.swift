import NATS
package import PlaneProtocol
import PlaneState

/// The operator's side of a program in a container: its input, its output and the size of the terminal.
package struct ExecEnds: Sendable {
    /// Waits for the next input. Returns no bytes at its end, and when its task is cancelled.
    package var nextInput: @Sendable () async -> [UInt8]
    /// Takes output. The next output is fetched after this returns.
    package var write: @Sendable (ExecOutput.Stream, [UInt8]) async -> Void
    /// The sizes of the operator's terminal, if there is one.
    package var sizes: AsyncStream<TerminalSize>

    package init(
        nextInput: @escaping @Sendable () async -> [UInt8] = { [] },
        sizes: AsyncStream<TerminalSize> = AsyncStream { $0.finish() },
        write: @escaping @Sendable (ExecOutput.Stream, [UInt8]) async -> Void
    ) {
        self.nextInput = nextInput
        self.sizes = sizes
        self.write = write
    }
}

extension PlaneClient {
    /// How often a request is sent, each time waiting 10 s for the answer. A broken connection to NATS is restored within that time, and all these requests
    /// may be repeated.
    private static let execAttempts = 3

    /// Runs a program in the backend's container, or copies files. The drone's agent has to allow that.
    /// - Returns: the program's exit code; 0 for a copy.
    /// - Throws: `refused` if the drone forbids it, the backend does not run, or the program broke off.
    package func exec(
        _ work: ExecRequest.Work, in backend: BackendID, of cluster: ClusterName, requestedBy: String?, _ ends: ExecEnds
    ) async throws(PlaneError) -> Int64 {
        let drone = try await self.drone(of: backend, in: cluster)
        var generator = SystemRandomNumberGenerator()
        let id = ExecID.random(using: &generator)
        _ = try await self.requestWithRetry(
            ExecRequest(cluster: cluster, drone: drone, backend: backend, exec: id, work: work, requestedBy: requestedBy), of: drone)
        let result = await withTaskGroup(of: Result<Int64, PlaneError>?.self) { group in
            group.addTask {
                do throws(PlaneError) {
                    return .success(try await self.fetchOutput(of: id, on: drone, in: cluster, ends))
                } catch {
                    return .failure(error)
                }
            }
            group.addTask {
                await self.bringInput(of: id, on: drone, in: cluster, ends)
                return nil
            }
            group.addTask {
                for await size in ends.sizes {
                    // The message has no bytes, so its offset has no meaning.
                    _ = try? await self.requestWithRetry(ExecInput(cluster: cluster, drone: drone, exec: id, offset: 0, terminal: size), of: drone)
                }
                return nil
            }
            defer { group.cancelAll() }
            // The end of the input does not end the program; only its own end, or an error, counts.
            while let result = await group.next() { if let result { return result } }
            return .failure(.cancelled)
        }
        return try result.get()
    }

    /// The request with which another backend like this one can be scheduled, by its drone's account.
    /// - Throws: `contradicted` if the state of the fleet says otherwise.
    package func description(of backend: BackendID, in cluster: ClusterName, requestedBy: String?) async throws(PlaneError) -> BackendDescription {
        let fleet = try await self.readState()
        guard let view = fleet.backend(backend, in: cluster), let drone = view.drone else { throw .unknownBackend(backend, cluster) }
        let description = BackendDescription(
            drone: drone,
            request: try await self.requestWithRetry(
                DescribeBackend(cluster: cluster, drone: drone, backend: backend, requestedBy: requestedBy), of: drone))
        if let contradiction = description.contradiction(to: view, in: cluster, on: fleet.drone(drone, in: cluster)) {
            throw .contradicted(drone, backend, contradiction)
        }
        return description
    }

    private func drone(of backend: BackendID, in cluster: ClusterName) async throws(PlaneError) -> DroneID {
        guard let drone = try await self.readState().drone(of: backend, in: cluster) else { throw .unknownBackend(backend, cluster) }
        return drone
    }

    private func fetchOutput(of id: ExecID, on drone: DroneID, in cluster: ClusterName, _ ends: ExecEnds) async throws(PlaneError) -> Int64 {
        var last: UInt64 = 0
        while true {
            switch try await self.requestWithRetry(ExecOutputRequest(cluster: cluster, drone: drone, exec: id, after: last), of: drone) {
            case .nothingYet: continue
            case .piece(let number, let stream, let data):
                await ends.write(stream, data.bytes)
                last = number
            case .ended(let number, let code):
                await self.acknowledge(number, of: id, on: drone, in: cluster)
                return code
            case .failed(let number, let text):
                await self.acknowledge(number, of: id, on: drone, in: cluster)
                throw .refused(ErrorReply(code: .unavailable, message: text))
            }
        }
    }

    /// Tells the agent that the last output has been received, so that it can forget the program. Without that, it does so after a while.
    private func acknowledge(_ number: UInt64, of id: ExecID, on drone: DroneID, in cluster: ClusterName) async {
        _ = try? await self.request(
            ExecOutputRequest(cluster: cluster, drone: drone, exec: id, after: number), of: .agent(drone), limit: .seconds(1))
    }

    /// Sends the operator's input. Ends when the program takes no more, which shows in its output.
    private func bringInput(of id: ExecID, on drone: DroneID, in cluster: ClusterName, _ ends: ExecEnds) async {
        var offset: UInt64 = 0
        while !Task.isCancelled {
            var rest = await ends.nextInput()[...]
            let isLast = rest.isEmpty
            repeat {
                let part = rest.prefix(ExecInput.largestData)
                let message = ExecInput(cluster: cluster, drone: drone, exec: id, offset: offset, data: Base64Text(part), isLast: isLast)
                guard let answer = try? await self.requestWithRetry(message, of: drone), answer.taken >= offset, answer.taken - offset <= UInt64(part.count)
                else { return }
                rest = rest.dropFirst(Int(answer.taken - offset))
                offset = answer.taken
            } while !rest.isEmpty
            if isLast { return }
        }
    }

    private func requestWithRetry<Request: PlaneRequest>(_ request: Request, of drone: DroneID) async throws(PlaneError) -> Request.Reply {
        for _ in 1..<Self.execAttempts {
            do throws(PlaneError) {
                return try await self.request(request, of: .agent(drone)).reply
            } catch {
                guard case .notAnswered(let cause, by: _) = error, cause.code == .timedOut || cause.code == .disconnected else { throw error }
            }
        }
        return try await self.request(request, of: .agent(drone)).reply
    }
}
