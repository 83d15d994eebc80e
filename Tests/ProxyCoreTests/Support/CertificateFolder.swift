import Foundation
import Glibc
import Logging
import NIOCore
import NIOSSL
import PlaneTestSupport

@testable import ProxyCore

/// Certificates made for one test, and files for a proxy to find them in.
struct CertificateFolder {
    private let directory: TemporaryDirectory
    /// Two pairs, neither of which fits to the other.
    let first: TestCertificates
    let second: TestCertificates

    init() async throws {
        self.directory = try TemporaryDirectory()
        self.first = try await Self.make(self.directory.file("first"))
        self.second = try await Self.make(self.directory.file("second"))
    }

    private static func make(_ path: String) async throws -> TestCertificates {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return try await TestCertificates(in: URL(filePath: path))
    }

    func path(_ name: String) -> String { self.directory.file(name) }

    /// Where the proxy of a test looks.
    var files: CertificatePaths { CertificatePaths(certificatePath: self.path("served.pem"), keyPath: self.path("served.key")) }

    func store(
        _ files: CertificatePaths? = nil, offersHTTP2: Bool = false, shutdownTimeout: TimeAmount = CertificateStore.shutdownTimeout,
        logger: Logger = Logger(label: "certificates")
    ) -> CertificateStore {
        CertificateStore(files: files ?? self.files, offersHTTP2: offersHTTP2, shutdownTimeout: shutdownTimeout, logger: logger)
    }

    /// Writes into the file as it is.
    func write(_ source: String, to target: String) throws {
        try Data(contentsOf: URL(filePath: source)).write(to: URL(filePath: target))
    }

    /// Writes beside the file, and puts that in its place.
    func rename(_ source: String, to target: String) throws {
        try self.write(source, to: target + ".new")
        guard Glibc.rename(target + ".new", target) == 0 else { throw CocoaError(.fileWriteUnknown) }
    }

    func link(_ target: String, at path: String) throws {
        try FileManager.default.createSymbolicLink(atPath: path + ".new", withDestinationPath: target)
        guard Glibc.rename(path + ".new", path) == 0 else { throw CocoaError(.fileWriteUnknown) }
    }

    func install(_ pair: TestCertificates) throws {
        try self.rename(pair.path("server.pem"), to: self.files.certificatePath)
        try self.rename(pair.path("server.key"), to: self.files.keyPath)
    }

    static func der(_ pair: TestCertificates) throws -> [UInt8] {
        try NIOSSLCertificate.fromPEMFile(pair.path("server.pem"))[0].toDERBytes()
    }
}
