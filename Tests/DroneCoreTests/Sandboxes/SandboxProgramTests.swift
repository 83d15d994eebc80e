import Foundation
import PlaneTestSupport
import Testing

@testable import DroneCore

@Suite struct SandboxProgramTests {
    @Test("the program of this machine is unpacked from its archive, runs, and waits until it is killed")
    func runs() async throws {
        let machine = try #require(try await TestProcess.run("/bin/uname", ["-m"]).first)
        let directory = try TemporaryDirectory()
        let archive = SandboxProgram.archive(of: try #require(SandboxProgram.executable(for: machine)))
        try Data(archive).write(to: URL(filePath: directory.file("layer.tar")))
        try await TestProcess.run("/bin/tar", ["-C", directory.path, "-xf", directory.file("layer.tar")])
        let script = """
            "$1" & program=$!
            until [ "$(cat /proc/$program/comm)" = pause ] && grep -q '^State:.S' /proc/$program/status; do kill -0 $program || exit 1; done
            kill -KILL $program
            wait $program
            [ $? = 137 ]
            """
        try await TestProcess.run("/bin/sh", ["-c", script, "sh", directory.file("pause")])
    }

    @Test(
        "there is one for each machine that Docker knows by either of its names, and none for others",
        arguments: [
            ("x86_64", 62), ("amd64", 62), ("aarch64", 183), ("arm64", 183), ("riscv64", nil),
        ] as [(String, UInt8?)])
    func architectures(name: String, machine: UInt8?) {
        let program = SandboxProgram.executable(for: name)
        #expect(program?[18] == machine)
        #expect(program.map { Array($0.prefix(4)) } == machine.map { _ in [0x7F, 0x45, 0x4C, 0x46] })
    }
}
