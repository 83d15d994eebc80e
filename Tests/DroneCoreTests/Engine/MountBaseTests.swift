import Foundation
import PlaneProtocol
import PlaneTestSupport
import Testing

@testable import DroneCore

@Suite struct MountBaseTests {
    private func attributes(_ path: String) throws -> (mode: Int, owner: Int) {
        let found = try FileManager.default.attributesOfItem(atPath: path)
        return (
            (found[.posixPermissions] as? NSNumber)?.intValue ?? 0, (found[.ownerAccountID] as? NSNumber)?.intValue ?? -1
        )
    }

    @Test("directories are made for their owner alone, the base and a namespace's too, and found again with what is in them")
    func made() async throws {
        let directory = try TemporaryDirectory()
        let base = MountBase(path: directory.file("data"))
        let mount = DataMount.key(namespace: "games", name: "room-7")
        try await base.prepare(mount, for: nil)
        let path = try #require(base.path(of: mount))
        for made in [base.path, "\(base.path)/games@", path] { #expect(try self.attributes(made).mode == 0o700, "\(made)") }
        try Data("kept".utf8).write(to: URL(filePath: "\(path)/file"))
        try await base.prepare(mount, for: nil)
        #expect(try String(contentsOf: URL(filePath: "\(path)/file"), encoding: .utf8) == "kept")
    }

    @Test("a user in numbers owns a new directory; one that is there keeps its owner")
    func owner() async throws {
        let directory = try TemporaryDirectory()
        let base = MountBase(path: directory.file("data"))
        try await base.prepare(.key(namespace: "", name: "a"), for: "1000:1001")
        try #require(getuid() == 0)
        #expect(try self.attributes("\(base.path)/a").owner == 1000)
        try await base.prepare(.key(namespace: "", name: "a"), for: "2000")
        #expect(try self.attributes("\(base.path)/a").owner == 1000)
        try await base.prepare(.key(namespace: "", name: "b"), for: "app")
        #expect(try self.attributes("\(base.path)/b").owner == Int(getuid()))
    }

    @Test("a link in a directory's place is not followed, and a file in it is told")
    func links() async throws {
        let directory = try TemporaryDirectory()
        let base = MountBase(path: directory.file("data"))
        try await base.prepare(.path("ok"), for: nil)
        try FileManager.default.createSymbolicLink(atPath: "\(base.path)/evil", withDestinationPath: "/etc")
        try Data().write(to: URL(filePath: "\(base.path)/file"))
        for name in ["evil", "file"] {
            await #expect(throws: BackendEngineError.self) { try await base.prepare(.path(name), for: nil) }
        }
    }

    @Test("a base that cannot be made is told with its key")
    func noBase() async throws {
        let base = MountBase(path: "/proc/nowhere/data")
        do {
            try await base.prepare(.path("a"), for: nil)
            Issue.record("a directory was made in /proc")
        } catch {
            #expect(error.message.contains("agent.mount_base"))
        }
    }
}
