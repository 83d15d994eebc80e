import PlaneProtocol
import SchedulerCore

extension DroneID {
    static func make(_ id: String = "drone-a") -> DroneID { DroneID(rawValue: id)! }
}

extension BackendID {
    static func make(_ id: String = "backend-1") -> BackendID { BackendID(rawValue: id)! }
}

extension LockName {
    static func make(_ name: String = "doc-42") -> LockName { LockName(rawValue: name)! }
}

extension ScheduleRequest {
    static func make(
        cluster: ClusterName = TestCluster.name, id: BackendID? = nil, lock: LockName? = nil, token: Bool = false
    ) -> ScheduleRequest {
        ScheduleRequest(
            cluster: cluster, backendID: id, maxIdle: 10, metadata: ["user": "u-17"],
            executable: DockerExecutableConfig(image: "registry.example/app:1.4", env: ["PORT": "8080"]), requireBearerToken: token, lock: lock)
    }
}
