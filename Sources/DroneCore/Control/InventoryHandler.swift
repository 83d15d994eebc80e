import DroneStore
import Logging
import LogKeys
import PlaneProtocol
import PlaneService

/// Answers a scheduler's request for the inventory of this drone (`roll_call` on the wire) from the table, a page at a time. Schedulers ask when the stream
/// with their state was lost.
struct InventoryHandler: Sendable {
    var condition: DroneCondition
    var endpoint: PublicEndpoint
    var abilities: DroneAbilities
    var store: DroneStore
    var logger: Logger

    func handle(_ request: RollCallRequest) async -> Result<RollCall, ErrorReply> {
        guard let address = self.condition.address else {
            return .failure(ErrorReply(code: .unavailable, message: "the drone does not know its own address yet"))
        }
        do throws(StoreError) {
            let live = try await self.store.allBackends().backends.filter { !$0.state.isTerminal }
            let later = live.sorted { $0.id.rawValue < $1.id.rawValue }.drop { record in
                request.after.map { record.id.rawValue <= $0.rawValue } ?? false
            }
            var (entries, bytes): ([RollCall.Entry], Int) = ([], 0)
            for record in later.prefix(RollCall.entriesAtOnce) {
                let entry = RollCall.Entry(
                    backend: record.id, state: record.state, bearerToken: record.spec.bearerToken, lockAssignment: record.spec.lockAssignment,
                    key: record.spec.key, fencingToken: record.spec.fencingToken, subdomain: record.spec.terms.subdomain,
                    staticTokenHash: record.spec.terms.staticTokenHash, ending: record.ending?.ending)
                bytes += WireCodec.encode(entry).count
                guard entries.isEmpty || bytes <= RollCall.bytesAtOnce else { break }
                entries.append(entry)
            }
            return .success(
                RollCall(
                    metadata: DroneMetadata(ip: address, version: BuildInformation.version, endpoint: self.endpoint, abilities: self.abilities),
                    backends: entries,
                    isComplete: entries.count == later.count))
        } catch {
            guard !Task.isCancelled else { return .failure(ErrorReply(code: .unavailable, message: "the drone is being restarted")) }
            self.logger.error("the schedulers could not be told what runs here", metadata: [LogKey.error: "\(error)"])
            return .failure(ErrorReply(code: .unavailable, message: "the table of backends could not be read"))
        }
    }
}
