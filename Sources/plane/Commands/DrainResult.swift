import PlaneProtocol

/// What was achieved with one drone.
struct DrainResult: JSONEncodable {
    var drone: DroneID
    var draining: Bool

    func write(to json: inout JSONWriter) {
        json.object {
            $0.field("drone", self.drone)
            $0.field("draining", self.draining)
        }
    }
}
