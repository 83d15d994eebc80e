import NATS
package import PlaneProtocol
import StateReplication

extension PlaneClient {
    /// The lines that a backend has printed, as far as the stream keeps them; with `follows` also those that it prints from now on. There is one sequence
    /// for each subject, in the order in which agents began to use these subjects. Messages that the agents of other drones have published about the
    /// backend are left out, and so are messages about other backends.
    /// - Parameter sequence: of the stream; only later lines are read.
    package func logs(of backend: BackendID, behind sequence: UInt64 = 0, follows: Bool) async throws(PlaneError) -> [StreamEntries<BackendLogMessage>] {
        var logs: [StreamEntries<BackendLogMessage>] = []
        for subject in try await self.logSubjects(of: backend) {
            logs.append(
                try await self.stored(
                    BackendLogMessage.self, in: HistoryStream.logs, subject: subject,
                    from: sequence == 0 ? .first : .sequence(sequence == .max ? .max : sequence + 1), follows: follows
                ) { message in
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

    /// The subject of 0.3 and, where the stream also has subjects that name the drone, that of the drone to which the backend was assigned. A drone can
    /// publish only on its own subjects, so messages of other drones are left out. If the state cannot be read, or has forgotten the backend, its drone is
    /// unknown, and the subjects of all drones are read.
    private func logSubjects(of backend: BackendID) async throws(PlaneError) -> [String] {
        var subjects = [BackendLogMessage.subject(backend: backend)]
        if try await self.agentsNameThemselves() {
            subjects.append(BackendLogMessage.ownSubscription(backend: backend, drone: await self.drone(of: backend)))
        }
        return subjects
    }

    /// Whether agents publish lines and statistics on subjects that name them, as the configuration of the stream of lines shows.
    func agentsNameThemselves() async throws(PlaneError) -> Bool {
        do throws(NATSError) {
            return try await self.jetStream.streamInfo(HistoryStream.logs).subjects.contains {
                NATSSubject.overlap($0, BackendLogMessage.ownSubscription)
            }
        } catch {
            throw PlaneError(error)
        }
    }

    /// The drone to which a scheduler has assigned the backend.
    private func drone(of backend: BackendID) async -> DroneID? {
        for end in ["assignment", "assignment.lock.*"] {
            // The read fails for applications, which may not read the state.
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
