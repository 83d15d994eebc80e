/// Decides when the contents of the certificate's files are to be loaded. Sees them once a second.
///
/// Only the contents count, not times or events, so it does not matter whether a file was written, renamed into place, or a link switched. While a
/// certificate is in use, new contents have to be the same twice before they are tried, since another process may still be writing.
struct CertificateReloadMachine {
    private var lastSeen: CertificateContents?
    private var lastTried: CertificateContents?

    /// - Parameters:
    ///   - contents: Nil when a file could not be read.
    ///   - isServing: Whether a certificate is loaded already. If not, there is no reason to wait.
    /// - Returns: Whether to try to load these contents.
    mutating func saw(_ contents: CertificateContents?, isServing: Bool) -> Bool {
        let isSettled = contents == self.lastSeen
        self.lastSeen = contents
        guard let contents, contents != self.lastTried, isSettled || !isServing else { return false }
        self.lastTried = contents
        return true
    }
}
