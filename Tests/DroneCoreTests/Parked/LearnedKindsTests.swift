import DockerEngine
import PlaneProtocol
import Testing

@testable import DroneCore

@Suite struct LearnedKindsTests {
    private func learned(
        _ requests: [SpawnRequest], count: Int, images: ImageAllowance = .all, except: Set<ContainerSpec> = [],
        _ change: (inout ContainerTemplate) -> Void = { _ in }
    ) -> [String] {
        var template = ContainerTemplate()
        change(&template)
        return LearnedKinds(template, drone: .make(), images: images, count: count).kinds(of: requests, except: except).map { "\($0.count) \($0.image)" }
    }

    private func requests(_ count: Int, _ image: String, _ change: (inout SpawnRequest) -> Void = { _ in }) -> [SpawnRequest] {
        (0..<count).map { number in
            var request = SpawnRequest.make(.make("\(image.prefix(1))\(number)"), image: image)
            change(&request)
            return request
        }
    }

    @Test("containers are shared out by how often each image was asked for, and none is parked of what was asked for once")
    func shares() {
        let asked = self.requests(60, "a:1") + self.requests(30, "b:1") + self.requests(10, "c:1") + self.requests(1, "d:1")
        #expect(self.learned(asked, count: 10) == ["6 a:1", "3 b:1", "1 c:1"])
        #expect(self.learned(asked, count: 1) == ["1 a:1"])
        #expect(self.learned(asked, count: 3) == ["2 a:1", "1 b:1"])
        #expect(self.learned(asked, count: 0).isEmpty)
        #expect(self.learned([], count: 10).isEmpty)
        #expect(self.learned(self.requests(2, "a:1"), count: 10) == ["2 a:1"], "no more wait than were asked for")
    }

    @Test("of images that were asked for equally often the one that was asked for last comes first")
    func ties() {
        let asked = zip(self.requests(5, "b:1"), self.requests(5, "a:1")).flatMap { [$0, $1] }
        #expect(self.learned(asked, count: 1) == ["1 b:1"])
        #expect(self.learned(asked, count: 4) == ["2 b:1", "2 a:1"])
    }

    @Test("an image is one kind however it is spelled and whatever its environment, and two with different limits")
    func kinds() {
        let spelled = self.requests(2, "redis") + self.requests(2, "redis:latest") { $0.executable.env = ["A": "b"] }
        #expect(self.learned(spelled, count: 4) == ["4 redis:latest"])
        let limited = self.requests(4, "a:1") { $0.executable.resourceLimits.memoryLimitBytes = 1 << 28 } + self.requests(2, "a:1")
        #expect(self.learned(limited, count: 3) == ["2 a:1", "1 a:1"])
    }

    @Test("requests that no parked container could stand for do not count, nor do those that the drone would refuse")
    func unparkable() throws {
        let asked = self.requests(2, "a:1")
        let others: [(inout SpawnRequest) -> Void] = [
            { $0.executable.process.command = ["sh"] }, { $0.executable.volumeMounts = ["/srv:/data"] }, { $0.executable.network = "games" },
            { $0.executable.process.user = "1000" }, { $0.executable.image = "Not an image" },
        ]
        for change in others { #expect(self.learned(self.requests(9, "b:1", change) + asked, count: 2) == ["2 a:1"]) }
        #expect(self.learned(asked, count: 2, images: ImageAllowance(["ghcr.io/**"])).isEmpty)
        #expect(self.learned(asked, count: 2) { $0.syslog = "udp://127.0.0.1:514" }.isEmpty)
        #expect(
            self.learned(self.requests(2, "a:1") { $0.executable.resourceLimits.memoryLimitBytes = 2 << 30 }, count: 2) { $0.limits.memoryBytes.most = 1 << 30 }
                .isEmpty)
        let spec = try #require(ContainerTemplate().specification(of: "a:1", limits: ResourceLimits(), drone: .make()))
        #expect(self.learned(asked + self.requests(2, "b:1"), count: 2, except: [spec]) == ["2 b:1"])
    }
}
