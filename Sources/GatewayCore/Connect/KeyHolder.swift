package import PlaneProtocol

/// The backend that has a key.
package struct KeyHolder: Hashable, Sendable {
    package var backend: BackendID
    package var cluster: ClusterName
    package var drone: DroneID?
    /// nil where nobody knows it, as of a scheduler without tags: it then fits every request.
    package var tag: String?
    /// It has the key until its process is gone.
    package var isEnding: Bool
    /// What its drone's proxy asks visitors for, where whoever was asked has told it.
    package var bearerToken: Secret?

    package init(
        backend: BackendID, cluster: ClusterName, drone: DroneID? = nil, tag: String? = nil, isEnding: Bool = false, bearerToken: Secret? = nil
    ) {
        self.backend = backend
        self.cluster = cluster
        self.drone = drone
        self.tag = tag
        self.isEnding = isEnding
        self.bearerToken = bearerToken
    }

    /// Compared by bytes.
    func fits(_ tag: String) -> Bool { self.tag.map { $0.utf8.elementsEqual(tag.utf8) } ?? true }
}

/// A key's home as the stream has it.
package struct StoredHome: Hashable, Sendable {
    package var home: KeyHome
    package var sequence: UInt64
    /// Since it was stored, by the clocks of NATS and this machine.
    package var age: Duration

    package init(home: KeyHome, sequence: UInt64, age: Duration) {
        self.home = home
        self.sequence = sequence
        self.age = age
    }
}
