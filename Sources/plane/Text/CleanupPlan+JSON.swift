import PlaneClient
package import PlaneProtocol

extension CleanupPlan.Reason: JSONText {}

extension CleanupPlan.Item: JSONEncodable {
    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("cluster", self.cluster)
            $0.field("backend_id", self.backend)
            $0.field("reason", self.reason)
            $0.field("state", self.state)
        }
    }
}
