#if canImport(Glibc)
import Glibc
#endif

/// The files with the certificate and its chain and with the private key, both as PEM. Relative paths begin at the directory in which the process was
/// started. The files may be in different directories, and may be links.
package struct CertificatePaths: Sendable {
    package var certificatePath: String
    package var keyPath: String

    /// Larger files, in bytes, are not read: they cannot be certificates.
    private static let sizeLimit = 1024 * 1024

    package init(certificatePath: String, keyPath: String) {
        self.certificatePath = certificatePath
        self.keyPath = keyPath
    }

    /// Reads both files.
    func read() throws(CertificateError) -> CertificateContents {
        CertificateContents(certificate: try Self.read(self.certificatePath), key: try Self.read(self.keyPath))
    }

    private static func read(_ path: String) throws(CertificateError) -> [UInt8] {
        // Opens without blocking, since a pipe in the file's place would stop the reader for ever.
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw CertificateError(path: path, problem: "cannot be opened: \(String(cString: strerror(errno)))") }
        defer { close(file) }
        var contents: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 * 1024)
        while contents.count <= Self.sizeLimit {
            let count = Glibc.read(file, &chunk, chunk.count)
            if count == 0 { return contents }
            guard count > 0 else {
                if errno == EINTR { continue }
                throw CertificateError(path: path, problem: "cannot be read: \(String(cString: strerror(errno)))")
            }
            contents += chunk[..<count]
        }
        throw CertificateError(path: path, problem: "is larger than \(Self.sizeLimit) bytes")
    }
}

/// The bytes of both files. Holds a private key: never to be logged.
struct CertificateContents: Equatable {
    var certificate: [UInt8]
    var key: [UInt8]
}

/// Why the two files cannot be used.
struct CertificateError: Error, Equatable, CustomStringConvertible {
    var path: String
    var problem: String

    var description: String { "\(self.path) \(self.problem)" }
}
