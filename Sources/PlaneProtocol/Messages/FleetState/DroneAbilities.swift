/// What a drone can do that not every drone can, and where the tier reaches it: among its metadata. Ours, and absent from older agents.
package struct DroneAbilities: Hashable, Sendable {
    /// The pool that the drone is in. An agent that knows pools always tells one, and knows all other additions to the spawn request too.
    package var pool: PoolName?
    /// Where its proxy takes what the tier passes on; nil if it takes nothing from a tier.
    package var innerPort: UInt16?

    package init(pool: PoolName? = nil, innerPort: UInt16? = nil) {
        self.pool = pool
        self.innerPort = innerPort
    }

    /// Whether it may be given a backend that needs one of our additions to the spawn request.
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
