import NATS
package import PlaneProtocol
import StateReplication

extension PlaneClient {
    /// What a backend has printed, as far as it is kept, and what it is going to print if that is wanted; by the subjects it stands on, in the
    /// order in which agents came to write there. What another drone's agent or another backend would say of it is passed over.
    package func logs(of backend: BackendID, follows: Bool) async throws(PlaneError) -> [StreamEntries<BackendLogMessage>] {
        var logs: [StreamEntries<BackendLogMessage>] = []
        for subject in try await self.logSubjects(of: backend) {
            logs.append(
                try await self.stored(BackendLogMessage.self, in: HistoryStream.logs, subject: subject, follows: follows) { message in
                    guard let log = try? WireCodec.decode(BackendLogMessage.self, from: message.payload), log.backendID == backend else { return nil }
                    return log
                })
        }
        return logs
    }

    /// The newest entries, oldest first; none if nothing is kept.
    package func lastLogEntries(_ count: Int, of backend: BackendID) async throws(PlaneError) -> [LogEntry] {
        guard count > 0 else { return [] }
        var entries: [LogEntry] = []
        for log in try await self.logs(of: backend, follows: false) {
            for await stored in log {
                if entries.count == count { entries.removeFirst() }
                entries.append(LogEntry(stored.message))
            }
        }
        return entries
    }

    /// The subject of 0.3, and where the stream takes subjects that name the drone, that of the drone the backend was given to. A drone writes
    /// on its own subjects only, so what another one says of the backend is not among them. Where the state cannot be read, or has forgotten
    /// the backend, nobody knows which drone that is, and all are.
    private func logSubjects(of backend: BackendID) async throws(PlaneError) -> [String] {
        var subjects = [BackendLogMessage.subject(backend: backend)]
        if try await self.agentsNameThemselves() {
            subjects.append(BackendLogMessage.ownSubscription(backend: backend, drone: await self.drone(of: backend)))
        }
        return subjects
    }

    /// Whether agents print and measure on subjects that name them, as the stream of lines shows.
    func agentsNameThemselves() async throws(PlaneError) -> Bool {
        do throws(NATSError) {
            return try await self.jetStream.streamInfo(HistoryStream.logs).subjects.contains {
                NATSSubject.overlap($0, BackendLogMessage.ownSubscription)
            }
        } catch {
            throw PlaneError(error)
        }
    }

    /// The drone that a scheduler gave the backend to.
    private func drone(of backend: BackendID) async -> DroneID? {
        for end in ["assignment", "assignment.lock.*"] {
            // An application cannot read the state, and has a stream of its own.
            guard
                let message = try? await self.jetStream.lastMessage(
                    stream: StateStream.name, subject: "state.cluster.*.backend.\(backend).\(end)")
            else { continue }
            if case .cluster(_, .backend(let message)) = try? WireCodec.decode(StateMessage.self, from: message.payload),
                case .assignment(let assignment) = message.change
            {
                return assignment.drone
            }
        }
        return nil
    }
}
