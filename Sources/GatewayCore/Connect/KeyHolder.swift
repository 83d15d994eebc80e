package import PlaneProtocol

/// The backend that has a key.
package struct KeyHolder: Hashable, Sendable {
    package var backend: BackendID
    package var cluster: ClusterName
    package var drone: DroneID?
    /// Nil if it is not known, as with a scheduler that knows no tags; the holder then fits every request.
    package var tag: String?
    /// Whether the backend is ending; it keeps the key until its process is gone.
    package var isEnding: Bool
    /// The token that its drone's proxy asks visitors for, if the source of this value has told it.
    package var bearerToken: Secret?
    /// As the state of the fleet tells it; nil where this value comes from elsewhere.
    package var fencingToken: Int64?
    /// In how many milliseconds its drone expects it to be ready; nil unless it was spawned by this request and the drone has said it.
    package var readyInMilliseconds: UInt32?

    package init(
        backend: BackendID, cluster: ClusterName, drone: DroneID? = nil, tag: String? = nil, isEnding: Bool = false, bearerToken: Secret? = nil,
        fencingToken: Int64? = nil, readyInMilliseconds: UInt32? = nil
    ) {
        self.backend = backend
        self.cluster = cluster
        self.drone = drone
        self.tag = tag
        self.isEnding = isEnding
        self.bearerToken = bearerToken
        self.fencingToken = fencingToken
        self.readyInMilliseconds = readyInMilliseconds
    }

    /// Whether the tags are equal, compared by bytes.
    func fits(_ tag: String) -> Bool { self.tag.map { $0.utf8.elementsEqual(tag.utf8) } ?? true }
}

/// A key's home as it is in the stream.
package struct StoredHome: Hashable, Sendable {
    package var home: KeyHome
    package var sequence: UInt64
    /// The time since it was stored, by the clocks of NATS and of this machine.
    package var age: Duration

    package init(home: KeyHome, sequence: UInt64, age: Duration) {
        self.home = home
        self.sequence = sequence
        self.age = age
    }
}
