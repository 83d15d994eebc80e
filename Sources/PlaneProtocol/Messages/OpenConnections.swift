/// Asks how many requests and WebSockets the proxy of a drone has open to each backend; sent by an operator to that drone's agent. An addition to 0.3.24.
package struct OpenConnectionsRequest: Hashable, Sendable {
    package var cluster: ClusterName
    package var drone: DroneID
    /// The last backend of the previous answer, if that was not complete.
    package var after: BackendID?
    /// Whether the agent is to ask its container engine too, for `plane doctor`.
    package var asksEngine: Bool
    /// The images of which the agent is to say whether the drone lacks them, for `plane doctor`.
    package var images: [String]

    /// The most images that are asked about in one request. Readers ignore further ones.
    package static let imageLimit = 8
    /// The most bytes of a name. Readers ignore longer ones; Docker allows none.
    static let imageNameLimit = 512

    package init(cluster: ClusterName, drone: DroneID, after: BackendID? = nil, asksEngine: Bool = false, images: [String] = []) {
        self.cluster = cluster
        self.drone = drone
        self.after = after
        self.asksEngine = asksEngine
        self.images = images
    }
}

/// The answer to an `OpenConnectionsRequest`.
package struct OpenConnections: Hashable, Sendable {
    package struct Entry: Hashable, Sendable {
        package var backend: BackendID
        /// Requests whose response has not ended, including event streams, long polls and transfers.
        package var requests: UInt32
        package var webSockets: UInt32

        package init(backend: BackendID, requests: UInt32, webSockets: UInt32) {
            self.backend = backend
            self.requests = requests
            self.webSockets = webSockets
        }
    }

    /// The backends with something open, in the order of their ids.
    package var backends: [Entry]
    /// False if there are more backends, which have to be asked for with `after`.
    package var isComplete: Bool
    /// What the container engine made of being asked; nil where it was not, as by agents that do not know the question.
    package var engine: EngineAnswer?
    /// By the drone's clock, when it answered; nil where the engine was not asked.
    package var time: WireTime?
    /// Those of the images asked about that are not on the drone; nil where none was asked about, or the agent cannot say it.
    package var missingImages: [String]?

    /// How many entries an answer has at most. An entry is some 150 bytes, so this is well below the 1 MiB of a NATS message.
    package static let entriesAtOnce = 1000

    package init(backends: [Entry], isComplete: Bool) {
        self.backends = backends
        self.isComplete = isComplete
    }
}

extension OpenConnections {
    package enum EngineAnswer: Hashable, Sendable {
        case answered
        /// - Parameter reason: for people.
        case failed(reason: String)
    }
}

extension OpenConnectionsRequest: PlaneRequest {
    package typealias Reply = OpenConnections

    package static let subscription = "cluster.*.drone.*.open_connections"

    package var subject: String { Self.subject(cluster: self.cluster, drone: self.drone) }

    package static func subject(cluster: ClusterName, drone: DroneID) -> String {
        "cluster.\(cluster.subjectToken).drone.\(drone).open_connections"
    }

    package init(json: JSONNode) throws(MessageError) {
        self.cluster = try json.required("cluster")
        self.drone = try json.required("drone")
        self.after = try json.optional("after")
        self.asksEngine = try json.optional("engine") ?? false
        let images = try json.optional("images", as: [String].self) ?? []
        self.images = images.prefix(Self.imageLimit).filter { $0.utf8.count <= Self.imageNameLimit }
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("cluster", self.cluster)
            $0.field("drone", self.drone)
            $0.fieldIfPresent("after", self.after)
            $0.fieldIfPresent("engine", self.asksEngine ? true : nil)
            $0.fieldIfPresent("images", self.images.isEmpty ? nil : self.images)
        }
    }
}

extension OpenConnections: JSONCodable {
    package init(json: JSONNode) throws(MessageError) {
        self.backends = try json.required("backends")
        self.isComplete = try json.required("complete")
        self.time = try json.optional("time")
        self.missingImages = try json.optional("missing_images")
        switch try json.optional("engine_answers", as: Bool.self) {
        case nil: self.engine = nil
        case true?: self.engine = .answered
        case false?: self.engine = .failed(reason: try json.optional("engine_failure") ?? "it does not say why")
        }
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("backends", self.backends)
            $0.field("complete", self.isComplete)
            switch self.engine {
            case nil: break
            case .answered?: $0.field("engine_answers", true)
            case .failed(let reason)?:
                $0.field("engine_answers", false)
                $0.field("engine_failure", reason)
            }
            $0.fieldIfPresent("time", self.time)
            $0.fieldIfPresent("missing_images", self.missingImages)
        }
    }
}

extension OpenConnections.Entry: JSONCodable {
    package init(json: JSONNode) throws(MessageError) {
        self.backend = try json.required("backend")
        self.requests = try json.required("requests")
        self.webSockets = try json.required("websockets")
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("backend", self.backend)
            $0.field("requests", self.requests)
            $0.field("websockets", self.webSockets)
        }
    }
}
