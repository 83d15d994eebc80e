/// What a drone can do that older ones cannot, and where the tier reaches it; a part of its metadata. An addition to 0.3.24, absent from older agents.
package struct DroneAbilities: Hashable, Sendable {
    /// The drone's pool. An agent that knows pools always sends one, and also knows all other additions to the spawn request.
    package var pool: PoolName?
    /// The port at which its proxy accepts requests of the tier; nil if it accepts none.
    package var innerPort: UInt16?

    package init(pool: PoolName? = nil, innerPort: UInt16? = nil) {
        self.pool = pool
        self.innerPort = innerPort
    }

    /// Whether the drone may get a backend that needs an addition to the spawn request.
    package var knowsExtensions: Bool { self.pool != nil }

    init(in json: JSONNode) throws(MessageError) {
        self.pool = try json.optional("pool")
        self.innerPort = try json.optional("inner_port")
    }

    func write(to object: inout JSONWriter.Object) {
        object.fieldIfPresent("pool", self.pool)
        object.fieldIfPresent("inner_port", self.innerPort)
    }
}
