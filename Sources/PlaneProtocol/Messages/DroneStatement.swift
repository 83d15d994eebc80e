/// A message of a drone about itself or one of its backends, on a subject that names the drone: `cluster.<C>.drone.<D>.…`. An addition to 0.3.24.
///
/// The subjects of 0.3.24 for the same messages name only the cluster or the backend, so that permissions of a NATS server cannot distinguish drones, and
/// each drone can speak for all. Body and answer are those of 0.3.24.
package struct DroneStatement<Content: DroneContent>: Hashable, Sendable {
    package var content: Content

    package init(_ content: Content) {
        self.content = content
    }

    /// The drone in the body. Decoding has checked that the subject names the same drone.
    package var speaker: DroneID { self.content.speaker }
}

/// A message that a drone publishes on a subject with its own name.
package protocol DroneContent: PlaneMessage, Hashable {
    /// The drone that publishes it.
    var speaker: DroneID { get }
    var cluster: ClusterName { get }
    /// The part of the subject after `cluster.<C>.drone.<D>.`.
    var statementTail: String { get }
    /// That part in a subscription, with wildcards.
    static var statementTailPattern: String { get }
}

extension DroneStatement: PlaneMessage {
    package static var subscription: String { "cluster.*.drone.*.\(Content.statementTailPattern)" }

    package var subject: String {
        "cluster.\(self.content.cluster.subjectToken).drone.\(self.speaker).\(self.content.statementTail)"
    }

    package init(json: JSONNode) throws(MessageError) {
        self.content = try Content(json: json)
    }

    package func write(to json: inout JSONWriter) { self.content.write(to: &json) }
}

extension DroneStatement: PlaneRequest where Content: PlaneRequest {
    package typealias Reply = Content.Reply
}

extension DroneConnectRequest: DroneContent {
    package var speaker: DroneID { self.droneID }
    package var statementTail: String { "register" }
    package static var statementTailPattern: String { "register" }
}

extension UpdateBackendStateMessage: DroneContent {
    package var speaker: DroneID { self.drone }
    package var statementTail: String { "backend.\(self.backend).status" }
    package static var statementTailPattern: String { "backend.*.status" }
}
