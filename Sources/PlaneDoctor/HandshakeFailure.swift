import Glibc
import NIOCore
import NIOPosix
import NIOSSL

/// Explains why there was no TLS, in words that follow "No TLS with …: ".
enum HandshakeFailure {
    /// Whether the other side has closed the connection, for an unknown reason.
    static func isCutOff(_ error: any Error) -> Bool {
        switch error {
        case let error as IOError: [ECONNRESET, EPIPE].contains(error.errnoCode)
        case ChannelError.eof, ChannelError.inputClosed, ChannelError.ioOnClosedChannel, NIOSSLError.uncleanShutdown: true
        case NIOSSLError.handshakeFailed(let reason): "\(reason)".contains("EOF")
        default: false
        }
    }

    static func words(for error: any Error) -> String {
        switch error {
        case is CertificateProbe.NoTLS: "what listens there does not speak TLS"
        case is PageProbe.NoHTTP: "what listens there does not speak HTTP"
        case let error as IOError: self.words(errnoCode: error.errnoCode)
        case let error as NIOConnectionError: self.words(connecting: error)
        case ChannelError.connectTimeout: "no answer within \(CertificateProbe.limit.nanoseconds / 1_000_000_000) s"
        case ChannelError.eof, ChannelError.inputClosed, NIOSSLError.uncleanShutdown:
            "the connection is closed before there is a certificate"
        case NIOSSLError.handshakeFailed(let reason): self.words(boringSSL: "\(reason)")
        case let error as BoringSSLError: self.words(boringSSL: "\(error)")
        default: "the handshake fails"
        }
    }

    /// All addresses of the name were tried, but there is only one.
    private static func words(connecting error: NIOConnectionError) -> String {
        error.connectionErrors.first.map { self.words(for: $0.error) } ?? "nothing there can be connected to"
    }

    private static func words(errnoCode: CInt) -> String {
        switch errnoCode {
        case ECONNREFUSED: "nothing listens there"
        case ECONNRESET, EPIPE: "the connection is cut off before there is a certificate"
        case EHOSTUNREACH, ENETUNREACH: "no network leads there from this machine"
        case ETIMEDOUT: "no answer"
        default: "the system says \(String(cString: strerror(errnoCode)))"
        }
    }

    /// The library has codes such as `SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER`, of which the known ones are explained.
    private static func words(boringSSL text: String) -> String {
        if text.contains("ALERT") { return "the handshake is refused, as by a proxy that has no certificate yet" }
        if text.contains("EOF") { return "the connection is closed before there is a certificate" }
        return text.contains("WRONG_VERSION_NUMBER") ? "what listens there does not speak TLS" : "the handshake fails"
    }
}
