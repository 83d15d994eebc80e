/// How soon a backend would be ready on a drone, so that schedulers can choose by it; a part of its status (M7). An addition to 0.3.24.
///
/// A drone sends it when it has changed, and again after `repetition`. A status without it leaves what was sent before in force.
package struct DroneStarts: Hashable, Sendable {
    /// An image that is on the drone.
    package struct Image: Hashable, Sendable {
        /// The name in Docker, with its tag; with its digest if it has no tag.
        package var name: String
        /// The digest of its manifest in the registry it came from; nil for an image that came from none.
        package var digest: String?
        /// How long its backends mostly take to become ready, started as the next one would be; nil if none has become ready.
        package var readyMilliseconds: UInt32?
        /// How many containers of it run and wait for backends.
        package var parked: UInt32 = 0
        /// How long backends take in such a container.
        package var parkedReadyMilliseconds: UInt32?

        package init(name: String, digest: String? = nil, readyMilliseconds: UInt32? = nil, parked: UInt32 = 0, parkedReadyMilliseconds: UInt32? = nil) {
            self.name = name
            self.digest = digest
            self.readyMilliseconds = readyMilliseconds
            self.parked = parked
            self.parkedReadyMilliseconds = parkedReadyMilliseconds
        }
    }

    /// The most useful ones first, so that a limit cuts the others off.
    package var images: [Image]
    /// How long backends mostly take to become ready when their image is present; nil if none has become ready.
    package var readyMilliseconds: UInt32?
    /// How long an image mostly takes to be pulled; nil if none was.
    package var pullMilliseconds: UInt32?
    /// The processors of the machine: about so many backends can start at the same time without slowing each other down.
    package var processors: UInt32?

    package init(images: [Image] = [], readyMilliseconds: UInt32? = nil, pullMilliseconds: UInt32? = nil, processors: UInt32? = nil) {
        self.images = images
        self.readyMilliseconds = readyMilliseconds
        self.pullMilliseconds = pullMilliseconds
        self.processors = processors
    }
}

extension DroneStarts {
    /// The most images in one message. Readers ignore further ones.
    package static let imageLimit = 64
    /// The most bytes that names and digests have together in one message.
    package static let byteLimit = 8192
    /// The most bytes of a name. Readers ignore images with longer ones; Docker allows none.
    static let nameLimit = 512
    /// The period after which a drone repeats what has not changed, for schedulers that have started meanwhile.
    package static let repetition: Duration = .seconds(30)
    /// How long it counts without being repeated: the agent may have been replaced by an older version.
    package static let lifetime: Duration = .seconds(90)

    /// The same with as many of its images, from the first one on, as the limits allow.
    package var withinLimits: DroneStarts {
        var (draft, bytes) = (self, 0)
        draft.images = []
        for image in self.images where image.name.utf8.count <= Self.nameLimit {
            bytes += image.name.utf8.count + (image.digest?.utf8.count ?? 0)
            guard draft.images.count < Self.imageLimit, bytes <= Self.byteLimit else { break }
            draft.images.append(image)
        }
        return draft
    }
}

extension DroneStarts: JSONCodable {
    package init(json: JSONNode) throws(MessageError) {
        self.images = []
        if let list = try json.member("images"), !list.isNull {
            for (index, element) in try list.elements().prefix(Self.imageLimit).enumerated() {
                let image = try element.decode(Image.self, at: .index(index))
                if image.name.utf8.count <= Self.nameLimit { self.images.append(image) }
            }
        }
        self.readyMilliseconds = try json.optional("ready_in_ms")
        self.pullMilliseconds = try json.optional("pulled_in_ms")
        self.processors = try json.optional("processors")
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("images", self.images)
            $0.fieldIfPresent("ready_in_ms", self.readyMilliseconds)
            $0.fieldIfPresent("pulled_in_ms", self.pullMilliseconds)
            $0.fieldIfPresent("processors", self.processors)
        }
    }
}

extension DroneStarts.Image: JSONCodable {
    package init(json: JSONNode) throws(MessageError) {
        self.name = try json.required("image")
        self.digest = try json.optional("digest")
        self.readyMilliseconds = try json.optional("ready_in_ms")
        self.parked = try json.optional("parked") ?? 0
        self.parkedReadyMilliseconds = try json.optional("parked_ready_in_ms")
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("image", self.name)
            $0.fieldIfPresent("digest", self.digest)
            $0.fieldIfPresent("ready_in_ms", self.readyMilliseconds)
            $0.fieldIfPresent("parked", self.parked == 0 ? nil : self.parked)
            $0.fieldIfPresent("parked_ready_in_ms", self.parkedReadyMilliseconds)
        }
    }
}
