import Foundation
import PlaneTestSupport
import Testing

@testable import DroneCore

@Suite struct ParkedProgramTests {
    @Test(
        "there is one for each architecture that sandboxes are for, a small ELF file of that machine",
        arguments: [("x86_64", 62), ("aarch64", 183)] as [(String, UInt8)])
    func programs(architecture: String, machine: UInt8) throws {
        let program = try #require(ParkedProgram.executable(for: architecture))
        #expect(program.prefix(4) == [0x7F, 0x45, 0x4C, 0x46] && program[18] == machine && program.count < 4096)
        #expect(SandboxProgram.executable(for: architecture) != nil)
        #expect(ParkedProgram.executable(for: "riscv64") == nil)
    }

    @Test("it is what scripts/parked-entry makes of the source as it is now")
    func source() async throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let output = try await TestProcess.run("/usr/bin/sha256sum", [root.appending(path: "dev/parked-entry/entry.c").path])
        #expect(output.joined().hasPrefix(ParkedProgram.sourceChecksum), "scripts/parked-entry has not been run since the last change")
    }

    /// Runs the program on this machine as a container would, if it is of this architecture.
    private func run(_ input: [UInt8], environment: [String]) async throws -> [String] {
        let directory = try TemporaryDirectory()
        let (program, document) = (directory.file("entry"), directory.file("document"))
        try Data(try #require(ParkedProgram.executable(for: "x86_64"))).write(to: URL(filePath: "\(program).bytes"))
        try Data(input).write(to: URL(filePath: document))
        let script = "exec env -i \(environment.joined(separator: " ")) '\(program)' <'\(document)'"
        // The shell makes the file: a program that this process has open for writing, or a child that another test starts meanwhile, cannot be run.
        let make = "cp '\(program).bytes' '\(program)' && chmod 755 '\(program)'"
        return try await TestProcess.run("/bin/sh", ["-c", "\(make); (\(script)) 2>&1; echo code $?; test -e '\(program)' || echo its file is gone"])
    }

    #if arch(x86_64)
    @Test("it becomes the program it is told, found by PATH, with the variables it is told, in place of its own, and its own behind them")
    func becomes() async throws {
        let document = EntryDocument(arguments: ["env"], environment: ["PATH=/none:/usr/bin:/bin", "HOSTNAME", "A=told", "MISSING"])
        let lines = try await self.run(try #require(document.bytes), environment: ["A=own", "HOSTNAME=here", "HOME=/root"])
        #expect(lines.filter { $0.contains("=") } == ["PATH=/none:/usr/bin:/bin", "HOSTNAME=here", "A=told", "HOME=/root"])
        #expect(lines.contains("code 0") && lines.contains("its file is gone"))
    }

    @Test("its input is /dev/null then, and arguments are told as they are")
    func arguments() async throws {
        let document = EntryDocument(
            arguments: ["/bin/sh", "-c", "readlink /proc/self/fd/0; echo \"$1|$2\"", "x", "a b", ""], environment: ["PATH=/bin:/usr/bin"])
        let lines = try await self.run(try #require(document.bytes), environment: [])
        #expect(lines.contains("/dev/null") && lines.contains("a b|"))
    }

    @Test("a program that there is not, or that is none, ends it as a shell would, with a sentence", arguments: [("no-such", 127), ("/etc/passwd", 126)])
    func missing(program: String, code: Int) async throws {
        let document = EntryDocument(arguments: [program], environment: ["PATH=/bin"])
        let lines = try await self.run(try #require(document.bytes), environment: [])
        #expect(lines.contains { $0.contains("cannot be run: \(program)") } && lines.contains("code \(code)"))
    }

    @Test(
        "an input that ends too early, or makes no sense, ends it",
        arguments: [[], [9, 0, 0, 0], [255, 255, 255, 255], [8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], [9, 0, 0, 0, 200, 0, 0, 0, 0, 0, 0, 0, 65]] as [[UInt8]])
    func nonsense(input: [UInt8]) async throws {
        let lines = try await self.run(input, environment: [])
        #expect(lines.contains("code 125"))
    }
    #endif
}
