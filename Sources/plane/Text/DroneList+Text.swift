import PlaneClient
package import PlaneProtocol
import PlaneState

extension DroneList {
    func lines(now: StateTime, _ console: Console) -> [String] {
        var table = TextTable(headings: ["DRONE", "STATE", "SEEN", "BACKENDS", "IP", "VERSION", "GIT"])
        table.elastic = [0, 4, 5]
        for drone in self.drones {
            let silence = drone.lastSeen.map { max(.zero, now.since($0)) }
            // Schedulers use a drone no more when it was silent for half a minute.
            let isSilent = silence.map { $0 > .seconds(30) } ?? true
            table.rows.append([
                .init(drone.id.rawValue),
                .init(drone.state?.rawValue ?? "unknown", drone.state?.colour),
                .init(silence.map { "\($0.brief) ago" } ?? "never", isSilent ? .red : nil),
                "\(drone.liveBackends)",
                .init(drone.metadata.map { "\($0.ip)" } ?? "unknown"),
                .init(drone.metadata?.version ?? "unknown"),
                .init(drone.metadata?.gitHash.map { String($0.prefix(7)) } ?? "-"),
            ])
        }
        return ["\(self.cluster)"] + table.lines(console, indent: 2).map { "  \($0)" }
    }

    var items: [DroneItem] { self.drones.map(DroneItem.init) }
}

extension DroneList: JSONEncodable {
    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("cluster", self.cluster)
            $0.field("drones", self.items)
        }
    }
}

/// A drone in JSON output; unknown values are null.
struct DroneItem: JSONEncodable {
    let drone: DroneView

    func write(to json: inout JSONWriter) {
        json.object {
            $0.field("drone", self.drone.id)
            $0.field("state", self.drone.state)
            $0.field("last_seen", self.drone.lastSeen.map { WireTime($0) })
            $0.field("backends", self.drone.liveBackends)
            $0.field("ip", self.drone.metadata?.ip)
            $0.field("version", self.drone.metadata?.version)
            $0.field("git_hash", self.drone.metadata?.gitHash)
            $0.fieldIfPresent("pool", self.drone.metadata?.abilities.pool?.ifNamed)
        }
    }
}
