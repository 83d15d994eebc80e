import Testing

@testable import PlaneProtocol

@Suite("What operators ask for in containers") struct ExecGoldenTests {
    private static let exec = ExecID(rawValue: "5d1f0c52-7a39-4d0e-8a45-1f7f5f3c2b10")

    @Test("ours: a program to be run, and copies")
    func begin() throws {
        let exec = try #require(Self.exec)
        let program = ExecProgram(command: ["ls", "-l"], terminal: TerminalSize(rows: 24, columns: 80), user: "app", workingDirectory: "/srv")
        var request = ExecRequest(
            cluster: Sample.cluster, drone: Sample.drone, backend: Sample.backend, exec: exec, work: .run(program), requestedBy: "alice@bastion")
        try expectGolden("ours-exec.request", is: request)
        #expect(request.subject == "cluster.plane_test.drone.drone-a.exec.begin")
        request.requestedBy = nil
        request.work = .copyFrom(path: "/tmp/heap.log")
        try expectGolden("ours-exec.copy-from", is: request)
        request.work = .copyTo(path: "/srv")
        try expectGolden("ours-exec.copy-to", is: request)
    }

    @Test("ours: input and output of it")
    func ends() throws {
        let exec = try #require(Self.exec)
        let input = ExecInput(
            cluster: Sample.cluster, drone: Sample.drone, exec: exec, offset: 6, data: Base64Text(Array("world\n".utf8)), isLast: true,
            terminal: TerminalSize(rows: 50, columns: 132))
        try expectGolden("ours-exec-input.request", is: input)
        #expect(input.subject == "cluster.plane_test.drone.drone-a.exec.input")
        try expectGolden("ours-exec-input.reply", is: ExecInputTaken(taken: 12))
        let request = ExecOutputRequest(cluster: Sample.cluster, drone: Sample.drone, exec: exec, after: 2)
        try expectGolden("ours-exec-output.request", is: request)
        #expect(request.subject == "cluster.plane_test.drone.drone-a.exec.output")
        try expectGolden("ours-exec-output.piece", is: ExecOutput.piece(number: 3, .stderr, Base64Text(Array("hello\n".utf8))))
        try expectGolden("ours-exec-output.nothing", is: ExecOutput.nothingYet)
        try expectGolden("ours-exec-output.ended", is: ExecOutput.ended(number: 4, exitCode: 7))
        try expectGolden("ours-exec-output.failed", is: ExecOutput.failed(number: 4, "the container has ended"))
    }

    @Test("ours: what a backend was asked for with, which asks for another one like it")
    func describe() throws {
        let request = DescribeBackend(cluster: Sample.cluster, drone: Sample.drone, backend: Sample.backend, requestedBy: "alice@bastion")
        try expectGolden("ours-describe-backend.request", is: request)
        #expect(request.subject == "cluster.plane_test.drone.drone-a.exec.describe")
        var spawn = SpawnRequest(
            cluster: Sample.cluster, droneID: Sample.drone, maxIdle: 60, backendID: Sample.backend, executable: DockerExecutableConfig(image: "app"),
            bearerToken: "t0ken", lockAssignment: LockAssignment(lock: "doc-42", uid: Sample.uid))
        spawn.terms.lifetimeLimit = 90
        let schedule = spawn.asScheduleRequest(pool: .unnamed)
        #expect(schedule.backendID == nil && schedule.lock == "doc-42" && schedule.requireBearerToken && schedule.terms == spawn.terms)
        #expect(try WireCodec.decode(ScheduleRequest.self, from: WireCodec.encode(schedule)) == schedule)
    }

    @Test(
        "what is none or several of a program and copies, a path that is not absolute, and no program are refused",
        arguments: [
            "", #","command":["ls"],"copy_to":"/""#, #","copy_from":"etc""#, #","command":[]"#, #","command":[""]"#, #","command":["ls"],"user":"a b""#,
        ])
    func refused(rest: String) throws {
        let exec = try #require(Self.exec)
        let text = #"{"cluster":"plane.test","drone":"d","backend":"b","exec":"\#(exec)"\#(rest)}"#
        #expect(throws: MessageError.self) { try WireCodec.decode(ExecRequest.self, from: Array(text.utf8)) }
    }

    @Test("more than fits into one message of input is refused")
    func tooMuch() throws {
        let exec = try #require(Self.exec)
        let input = ExecInput(
            cluster: Sample.cluster, drone: Sample.drone, exec: exec, offset: 0, data: Base64Text([UInt8](repeating: 0, count: ExecInput.largestData + 1)))
        #expect(throws: MessageError.self) { try WireCodec.decode(ExecInput.self, from: WireCodec.encode(input)) }
    }
}
