import DockerEngine
import PlaneProtocol
import PlaneTestSupport
import Testing

@testable import DroneCore

extension Trait where Self == ConditionTrait {
    /// These tests run containers on a real Docker.
    static var needsDocker: Self {
        .enabled(if: TestImage.socket != nil, "PLANE_TEST_DOCKER_SOCKET names no Docker; scripts/test starts one")
    }
}

extension DockerEngineAdapter {
    /// The Docker of the tests, with the test images on it.
    static func forTests() async throws -> DockerEngineAdapter {
        try await TestImage.build()
        let socket = try #require(TestImage.socket)
        return DockerEngineAdapter(client: DockerClient(endpoint: .unixSocket(path: socket)), template: ContainerTemplate())
    }
}

extension SpawnRequest {
    /// A backend of the test image.
    static func onDocker(
        _ id: BackendID, drone: DroneID, idle: WireSeconds = 300, image: String = TestImage.name, _ environment: [String: Secret] = [:]
    ) -> SpawnRequest {
        SpawnRequest(
            cluster: .make(), droneID: drone, maxIdle: idle, backendID: id,
            executable: DockerExecutableConfig(image: image, env: environment, pullPolicy: .never))
    }
}

extension DroneID {
    static func random() -> DroneID {
        var generator = SystemRandomNumberGenerator()
        return .random(using: &generator)
    }
}
