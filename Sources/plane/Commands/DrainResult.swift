import PlaneProtocol

/// What was achieved with one drone.
struct DrainResult: JSONEncodable {
    var drone: DroneID
    var draining: Bool
    /// Whether it is empty; nil where nobody waited for that.
    var drained: Bool?

    func write(to json: inout JSONWriter) {
        json.object {
            $0.field("drone", self.drone)
            $0.field("draining", self.draining)
            $0.fieldIfPresent("drained", self.drained)
        }
    }
}
