/// Decides when what lies in the certificate's files is to be loaded. Sees their contents once a second.
///
/// The contents decide, not times or events: so it does not matter whether a file was written, renamed into place, or a link
/// switched. While a pair is being served, a change has to look the same twice before it is tried, since somebody may be in the
/// middle of writing.
struct CertificateReloadMachine {
    private var lastSeen: CertificateContents?
    private var lastTried: CertificateContents?

    /// - Parameters:
    ///   - contents: Nil when one of the files could not be read.
    ///   - isServing: A pair is loaded already. Otherwise nothing can get worse, and nothing is waited for.
    /// - Returns: Whether to try to load these contents.
    mutating func saw(_ contents: CertificateContents?, isServing: Bool) -> Bool {
        let isSettled = contents == self.lastSeen
        self.lastSeen = contents
        guard let contents, contents != self.lastTried, isSettled || !isServing else { return false }
        self.lastTried = contents
        return true
    }
}
