/// A message with a subject. Messages are numbered M1 to M17, as in dev/docs/protocol.md.
///
/// The subject repeats values of the body (cluster, drone, backend …). A receiver compares the two, and drops messages in which they differ.
package protocol PlaneMessage: JSONCodable {
    /// The subject on which this message is published, computed from its body.
    var subject: String { get }

    /// Matches the subject of every message of this kind, in every cluster.
    static var subscription: String { get }
}

/// A message that its receiver answers, on the reply subject.
package protocol PlaneRequest: PlaneMessage {
    associatedtype Reply: JSONCodable
}

/// The answer that only means "received": the four bytes `null`. An empty payload is not valid.
package struct UnitReply: Hashable, JSONCodable {
    package static var expectation: String { "null" }

    package init() {}

    package init(json: JSONNode) throws(MessageError) {
        guard json.isNull else { throw json.mismatch("null") }
    }

    package func write(to json: inout JSONWriter) { json.literal("null") }
}
