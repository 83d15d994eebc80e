import DockerEngine
import PlaneProtocol
import Testing

@testable import DroneCore

extension ParkedKind {
    static func make(_ image: String = "demo", count: Int = 2, limits: ResourceLimits = ResourceLimits()) -> ParkedKind {
        let spec = ContainerTemplate().specification(of: image, limits: limits, drone: .make())
        return ParkedKind(image: image, specification: spec!, count: count)
    }
}

extension ImageInspection {
    static func make(_ id: String = "sha256:one") -> ImageInspection {
        ImageInspection(id: id, environment: ["PATH=/bin"], entrypoint: [], command: ["serve"], hasHealthCheck: false)
    }
}

@Suite struct ParkedPoolMachineTests {
    private func container(_ number: Int, image: String = "sha256:one") -> ParkedContainer {
        ParkedContainer(id: "id-\(number)", name: "name-\(number)", labels: [:], imageID: image)
    }

    private func next(_ machine: inout ParkedPoolMachine, at seconds: Double = 0) -> ParkedPoolMachine.Step? {
        machine.next(now: .seconds(seconds), name: "new")
    }

    /// One kind, whose containers all wait.
    private func full(_ count: Int = 2) -> ParkedPoolMachine {
        var machine = ParkedPoolMachine([.make(count: count)])
        #expect(self.next(&machine) == .inspectImage(kind: 0))
        machine.imageInspected(0, .make())
        for number in 0..<count { machine.adopt(self.container(number), of: 0, now: .zero) }
        #expect(self.next(&machine) == nil)
        return machine
    }

    @Test("the image is looked at first, then one container is made after the other; the image is looked at again after a while")
    func filling() {
        var machine = ParkedPoolMachine([.make(count: 2)])
        #expect(self.next(&machine) == .inspectImage(kind: 0))
        #expect(self.next(&machine) == nil, "nothing is made of an image that is not known")
        machine.imageInspected(0, .make())
        for number in 0..<2 {
            #expect(self.next(&machine) == .make(kind: 0, name: "new"))
            #expect(machine.known.contains("new"))
            #expect(self.next(&machine) == nil, "one at a time")
            machine.made(self.container(number), now: .zero)
        }
        #expect(self.next(&machine) == nil)
        #expect(self.next(&machine, at: 31) == .inspectImage(kind: 0))
    }

    @Test("the oldest is given away first, gets its backend's name, and another is made")
    func claim() {
        var machine = self.full()
        #expect(machine.claim(0, image: .make())?.id == "id-0")
        machine.started("id-0", as: "plane-b")
        #expect(self.next(&machine) == .rename("id-0", to: "plane-b"))
        #expect(self.next(&machine) == .make(kind: 0, name: "new"))
    }

    @Test("a claim for an image that has become another one finds none, and rolls the pool")
    func rolling() {
        var machine = self.full()
        #expect(machine.claim(0, image: .make("sha256:two")) == nil)
        #expect([self.next(&machine), self.next(&machine)] == [.remove("id-1"), .remove("id-0")])
        #expect(self.next(&machine) == .make(kind: 0, name: "new"))
        machine.made(self.container(7), now: .zero)
        #expect(self.next(&machine) == .remove("id-7"), "it was made of the image before")
        #expect(self.next(&machine) == .make(kind: 0, name: "new"))
        machine.made(self.container(8, image: "sha256:two"), now: .zero)
        #expect(machine.claim(0, image: .make("sha256:two"))?.id == "id-8")
    }

    @Test("an image that is gone takes its containers with it")
    func imageGone() {
        var machine = self.full(1)
        machine.inspectionFailed(0)
        #expect(self.next(&machine) == .remove("id-0"))
        #expect(self.next(&machine) == nil)
    }

    @Test("a container stands for a request that differs in what can be told late, and for no other")
    func matching() throws {
        let limits = ResourceLimits(memoryLimitBytes: 1 << 28)
        let machine = ParkedPoolMachine([.make("other"), .make(limits: limits)])
        func kind(_ change: (inout SpawnRequest) -> Void) throws -> Int? {
            var request = SpawnRequest.make()
            request.executable = DockerExecutableConfig(image: "demo", resourceLimits: limits)
            change(&request)
            return machine.kind(for: try #require(ContainerTemplate().specification(for: request)))
        }
        #expect(try kind { _ in } == 1)
        #expect(try kind { $0.executable.env = ["A": "b"] } == 1)
        #expect(try kind { $0.executable.process.args = ["--fast"] } == 1)
        #expect(try kind { $0.fencingToken = 7 } == 1)
        #expect(try kind { $0.executable.image = "demo:2" } == nil)
        #expect(try kind { $0.executable.resourceLimits = ResourceLimits() } == nil)
        #expect(try kind { $0.executable.volumeMounts = ["/srv:/data"] } == nil)
        #expect(try kind { $0.executable.process.command = ["sh"] } == nil)
        #expect(try kind { $0.executable.process.user = "1000" } == nil)
        #expect(try kind { $0.executable.process.workingDirectory = "/srv" } == nil)
        #expect(try kind { $0.executable.process.labels = ["a": "b"] } == nil)
        #expect(try kind { $0.executable.network = "games" } == nil)
    }

    @Test("one that ends while it waits is replaced, ever later the more often that happens")
    func backOff() {
        var machine = self.full(1)
        #expect(machine.ended(["id-0", "somebody's"], now: .seconds(1)) == 1)
        #expect(self.next(&machine, at: 1) == .remove("id-0"))
        #expect(self.next(&machine, at: 1.5) == nil)
        #expect(self.next(&machine, at: 2) == .make(kind: 0, name: "new"))
        machine.makingFailed(now: .seconds(2))
        #expect(self.next(&machine, at: 2) == .remove("new"), "what there may be of it goes")
        #expect(self.next(&machine, at: 6.5) == nil)
        #expect(self.next(&machine, at: 7) == .make(kind: 0, name: "new"))
        machine.made(self.container(1), now: .seconds(7))
        _ = machine.ended(["id-1"], now: .seconds(100))
        #expect([self.next(&machine, at: 100), self.next(&machine, at: 100)] == [.remove("id-1"), .inspectImage(kind: 0)])
        #expect(self.next(&machine, at: 101) == .make(kind: 0, name: "new"), "it had waited for long, so the count begins anew")
    }

    @Test("no more wait than the drone has room for, and none where it is drained")
    func room() {
        var machine = ParkedPoolMachine([.make("a", count: 2), .make("b", count: 2)])
        for kind in 0..<2 {
            #expect(self.next(&machine) == .inspectImage(kind: kind))
            machine.imageInspected(kind, .make())
        }
        machine.room = 3
        for kind in [0, 0, 1] {
            #expect(self.next(&machine) == .make(kind: kind, name: "new"))
            machine.made(self.container(machine.free.count), now: .zero)
        }
        #expect(self.next(&machine) == nil)
        machine.room = 1
        #expect([self.next(&machine), self.next(&machine), self.next(&machine)] == [.remove("id-1"), .remove("id-2"), nil])
        machine.isDraining = true
        #expect([self.next(&machine), self.next(&machine)] == [.remove("id-0"), nil])
    }

    @Test("what is learned comes behind what is configured, takes the place of what was learned before, and keeps what is parked of it")
    func learning() {
        var machine = ParkedPoolMachine([.make("fixed", count: 1)])
        #expect(machine.learn([.make("a", count: 2), .make("fixed", count: 5), .make("b", count: 1)]) == true)
        #expect(machine.kinds == 0..<3 && machine.kind(0).count == 1, "a kind that is configured is not learned")
        for kind in 0..<3 {
            #expect(self.next(&machine) == .inspectImage(kind: kind))
            machine.imageInspected(kind, .make())
        }
        for kind in [0, 1, 1, 2] {
            #expect(self.next(&machine) == .make(kind: kind, name: "new"))
            machine.made(self.container(machine.free.count), now: .zero)
        }
        #expect(machine.waiting == ["fixed": 1, "a": 2, "b": 1])
        #expect(machine.learn([.make("a", count: 2), .make("b", count: 1)]) == false)
        #expect(machine.learn([.make("b", count: 2), .make("a", count: 1)]) == true)
        #expect(machine.waiting == ["fixed": 1, "a": 2, "b": 1])
        #expect([self.next(&machine), self.next(&machine)] == [.remove("id-2"), .make(kind: 1, name: "new")])
        #expect(machine.learn([]) == false, "one is being made, of a kind that has a number")
        machine.made(self.container(7), now: .zero)
        #expect(machine.learn([.make("a", count: 1)]) == true)
        #expect(machine.waiting == ["fixed": 1, "a": 1])
        #expect(Set([self.next(&machine), self.next(&machine)]) == [.remove("id-3"), .remove("id-7")])
        machine.room = 1
        #expect(self.next(&machine) == .remove("id-1"), "where there is not room for all, what was learned goes first")
        machine.room = nil
        machine.isPressed = true
        #expect([self.next(&machine), self.next(&machine, at: 20)] == [.remove("id-0"), nil], "under pressure they go like the others")
    }

    @Test("under pressure one after the other is given up, with pauses, and none is made")
    func pressure() {
        var machine = self.full()
        machine.isPressed = true
        #expect(self.next(&machine) == .remove("id-1"))
        #expect(self.next(&machine, at: 9) == nil)
        #expect(self.next(&machine, at: 10) == .remove("id-0"))
        #expect(self.next(&machine, at: 20) == nil)
        machine.isPressed = false
        #expect(self.next(&machine, at: 20) == .make(kind: 0, name: "new"))
    }

    @Test("none is made while a start is under way, nor right after it; after some seconds without a pause one is")
    func yielding() {
        var machine = self.full(1)
        machine.startBegan(of: .make("a"), now: .zero)
        _ = machine.claim(0, image: .make())
        #expect(self.next(&machine) == .wait(.milliseconds(250)))
        machine.startEnded(of: .make("a"), now: .seconds(1))
        #expect(self.next(&machine, at: 1.125) == .wait(.milliseconds(125)))
        var busy = machine
        #expect(self.next(&machine, at: 1.25) == .make(kind: 0, name: "new"))
        busy.startBegan(of: .make("b"), now: .seconds(1.2))
        #expect(self.next(&busy, at: 4.9) == .wait(.milliseconds(250)))
        #expect(self.next(&busy, at: 5) == .make(kind: 0, name: "new"))
    }
}
