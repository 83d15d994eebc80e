package import DockerEngine
import DroneStore
import PlaneProtocol

/// Containers that are kept ready for backends of one image with the same limits.
package struct ParkedKind: Hashable, Sendable {
    /// As it is named in the configuration.
    package var image: String
    /// How a backend's container would be made that says nothing which can be told late.
    package var specification: ContainerSpec
    package var count: Int

    package init(image: String, specification: ContainerSpec, count: Int) {
        self.image = image
        self.specification = specification.withoutWhatComesLate
        self.count = count
    }
}

extension ContainerSpec {
    /// Without what a container can be told that runs already: the environment, the arguments, and whose it is. Two that are equal then can stand for
    /// one another.
    var withoutWhatComesLate: ContainerSpec {
        var spec = self
        spec.environment = [:]
        spec.command = nil
        spec.labels[BackendID.backendLabel] = nil
        return spec
    }
}

/// A container of ours that runs, and waits to become a backend's.
package struct ParkedContainer: Hashable, Sendable {
    /// The engine's id.
    package var id: String
    package var name: String
    /// With which it was made; they stay.
    package var labels: [String: String]
    /// Of the image it was made from.
    package var imageID: String

    package init(id: String, name: String, labels: [String: String], imageID: String) {
        self.id = id
        self.name = name
        self.labels = labels
        self.imageID = imageID
    }

    /// No backend's container is made with such a name.
    private static let namePrefix = "plane.parked-"

    static func randomName() -> String { self.namePrefix + String(UInt64.random(in: .min ... .max), radix: 16) }

    /// Whether nobody has given it a backend's name.
    static func isUnclaimed(_ name: String) -> Bool { name.hasPrefix(self.namePrefix) }

    /// How it was made. One that another configuration made is not used.
    static let makeLabel = "dev.plane.parked.make"
    /// The id of its image.
    static let imageLabel = "dev.plane.parked.image"

    var handle: ContainerHandle { ContainerHandle(id: self.id, name: self.name, labels: self.labels) }
}

/// What the pool needs of a container engine to park containers. The real one is Docker (`DockerParkedMaker`).
package protocol ParkedMaker: Sendable {
    /// What the kind's image is at present. Fails with `imageMissing` where it is not on this machine, and with `refused` where its containers cannot
    /// be parked.
    func inspectImage(of kind: ParkedKind) async throws(BackendEngineError) -> ImageInspection

    /// Makes and starts a container of that name. After a failure there may be one.
    ///
    /// - Parameter runtime: The OCI runtime in place of the engine's own; nil for that one.
    func make(_ name: String, _ kind: ParkedKind, of image: ImageInspection, runtime: String?) async throws(BackendEngineError) -> ParkedContainer

    /// Removes a parked container, by its id or its name. Harmless when there is none; another container of that name is left alone.
    func remove(_ container: String) async throws(BackendEngineError)

    /// Gives a container another name.
    func rename(_ container: String, to name: String) async throws(BackendEngineError)

    /// What a container of such a kind is labelled with that is made now.
    func makeLabel(of kind: ParkedKind, runtime: String?) async throws(BackendEngineError) -> String

    /// Whether the machine has so little memory or disk left that containers which only wait have to go.
    ///
    /// - Parameter already: Whether it was so when it was asked last; it takes more than a little then until it is not any more.
    func isPressed(already: Bool) async -> Bool
}
