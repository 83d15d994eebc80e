import Foundation
import Logging
import PlaneTestSupport
import Testing

@testable import ProxyCore

@Suite("Certificates: P12, renewals of every kind are noticed")
struct CertificateStoreTests {
    private let folder: CertificateFolder

    init() async throws { self.folder = try await CertificateFolder() }

    /// What is served after two looks, and whether it is something else than before.
    private static func changed(_ store: CertificateStore, by change: () throws -> Void) throws -> Bool {
        let before = store.context
        try change()
        store.checkFiles()
        store.checkFiles()
        return store.context !== before
    }

    @Test("P12a: renaming both files into place is a renewal")
    func rename() throws {
        try self.folder.install(self.folder.first)
        let store = self.folder.store()
        store.checkFiles()
        #expect(store.context != nil)
        let isNew = try Self.changed(store) { try self.folder.install(self.folder.second) }
        #expect(isNew)
    }

    @Test("P12a: switching a symbolic link on the way to the files is a renewal")
    func symlink() throws {
        let live = self.folder.path("live")
        try self.folder.link(self.folder.path("first"), at: live)
        let store = self.folder.store(CertificatePaths(certificatePath: "\(live)/server.pem", keyPath: "\(live)/server.key"))
        store.checkFiles()
        #expect(store.context != nil)
        let isNew = try Self.changed(store) { try self.folder.link(self.folder.path("second"), at: live) }
        #expect(isNew)
    }

    @Test("P12a: writing into the files as they are is a renewal, though size and name stay")
    func write() throws {
        try self.folder.install(self.folder.first)
        let store = self.folder.store()
        store.checkFiles()
        let isNew = try Self.changed(store) {
            try self.folder.write(self.folder.second.path("server.pem"), to: self.folder.files.certificatePath)
            try self.folder.write(self.folder.second.path("server.key"), to: self.folder.files.keyPath)
        }
        #expect(isNew)
    }

    @Test("P12b: relative paths work like absolute ones")
    func relative() throws {
        try self.folder.install(self.folder.first)
        let up = String(repeating: "../", count: FileManager.default.currentDirectoryPath.split(separator: "/").count)
        let files = self.folder.files
        let store = self.folder.store(
            CertificatePaths(certificatePath: up + files.certificatePath.dropFirst(), keyPath: up + files.keyPath.dropFirst()))
        store.checkFiles()
        #expect(store.context != nil)
        let isNew = try Self.changed(store) { try self.folder.install(self.folder.second) }
        #expect(isNew)
    }

    @Test("P12c: certificate and key may lie in different directories")
    func apart() throws {
        let keys = self.folder.path("keys")
        try FileManager.default.createDirectory(atPath: keys, withIntermediateDirectories: true)
        let files = CertificatePaths(certificatePath: self.folder.files.certificatePath, keyPath: "\(keys)/key.pem")
        let install = { (pair: TestCertificates) in
            try self.folder.rename(pair.path("server.pem"), to: files.certificatePath)
            try self.folder.rename(pair.path("server.key"), to: files.keyPath)
        }
        try install(self.folder.first)
        let store = self.folder.store(files)
        store.checkFiles()
        let isNew = try Self.changed(store) { try install(self.folder.second) }
        #expect(isNew)
    }

    @Test("P12d: a certificate renewed for the same key is a renewal")
    func certificateOnly() throws {
        try self.folder.install(self.folder.first)
        let store = self.folder.store()
        store.checkFiles()
        let chain =
            try String(contentsOfFile: self.folder.first.path("server.pem"), encoding: .utf8)
            + String(contentsOfFile: self.folder.first.path("ca.pem"), encoding: .utf8)
        let isNew = try Self.changed(store) { try Data(chain.utf8).write(to: URL(filePath: self.folder.files.certificatePath)) }
        #expect(isNew)
    }

    @Test("P12e: a certificate and a key that do not belong together are never served")
    func mismatch() throws {
        try self.folder.install(self.folder.first)
        let log = LogRecorder()
        let store = self.folder.store(logger: log.logger)
        store.checkFiles()
        let isNew = try Self.changed(store) {
            try self.folder.rename(self.folder.second.path("server.pem"), to: self.folder.files.certificatePath)
        }
        #expect(!isNew)
        #expect(log.text.contains("does not belong to the certificate in"))
        #expect(!log.text.contains("PRIVATE KEY"))
        let isNewWithKey = try Self.changed(store) { try self.folder.rename(self.folder.second.path("server.key"), to: self.folder.files.keyPath) }
        #expect(isNewWithKey)
    }

    @Test("P12f: what somebody is in the middle of writing is not served")
    func halfWritten() throws {
        try self.folder.install(self.folder.first)
        let store = self.folder.store()
        store.checkFiles()
        let before = store.context
        let whole =
            try Data(contentsOf: URL(filePath: self.folder.first.path("server.pem")))
            + Data(contentsOf: URL(filePath: self.folder.first.path("ca.pem")))
        for length in [0, whole.count / 3, whole.count / 2, whole.count * 3 / 4] {
            try whole.prefix(length).write(to: URL(filePath: self.folder.files.certificatePath))
            store.checkFiles()
            #expect(store.context === before)
        }
        let isNew = try Self.changed(store) { try whole.write(to: URL(filePath: self.folder.files.certificatePath)) }
        #expect(isNew)
    }

    @Test("files that go away change nothing, and their absence is said once")
    func gone() throws {
        try self.folder.install(self.folder.first)
        let log = LogRecorder()
        let store = self.folder.store(logger: log.logger)
        store.checkFiles()
        let isNew = try Self.changed(store) { try FileManager.default.removeItem(atPath: self.folder.files.keyPath) }
        #expect(!isNew)
        #expect(log.entries.filter { $0.level == .warning }.count == 1)
    }

    @Test("what is wrong with the files is told with the name of the file", arguments: [("", "pem"), ("key", "key"), ("-----BEGIN CERTIFICATE-----", "pem")])
    func rubbish(contents: String, file: String) throws {
        try self.folder.install(self.folder.first)
        let path = self.folder.path("served.\(file)")
        try Data(contents.utf8).write(to: URL(filePath: path))
        let log = LogRecorder()
        let store = self.folder.store(logger: log.logger)
        store.checkFiles()
        #expect(store.context == nil)
        #expect(log.text.contains("\(path) holds no"))
    }
}
